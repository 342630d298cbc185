"""A wrong call is told in one line; what a worker raises is what the test raises."""

from __future__ import annotations

import re

import pytest

MODEL = """
import os
import sys

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, scoped_session, sessionmaker
from sqlalchemy.pool import StaticPool


class Base(DeclarativeBase):
    pass


class Stock(Base):
    __tablename__ = "stock"
    id: Mapped[int] = mapped_column(primary_key=True)
    left: Mapped[int]


@pytest.fixture
def engine(tmp_path):
    made = create_engine(f"sqlite:///{tmp_path}/stock.db")
    Base.metadata.create_all(made)
    with Session(made) as session:
        session.add(Stock(id=1, left=10))
        session.commit()
    yield made
    made.dispose()


def left(engine):
    with Session(engine) as session:
        return session.get(Stock, 1).left
"""
MARKED = """
import pytest


@pytest.mark.concurrent_sessions({arguments})
def test_it():
    pass
"""
PLAIN = """
def test_it(concurrently):
    assert concurrently(lambda: 1, workers=2) == [1, 1]
"""


def usage_error(ran) -> str:
    """The one line that pytest prints."""
    assert ran.status == 4, ran.text + ran.errors
    (line,) = [line for line in ran.errors.splitlines() if line.strip()]
    assert "Traceback" not in ran.text + ran.errors
    return line


def ours_in(text: str) -> list[str]:
    """Lines that show the guard's own source."""
    return [line for line in text.splitlines() if re.search(r"pytest_sessionguard[/\\]", line)]


def told(ran, test: str) -> str:
    """What pytest shows for a failing test."""
    part = re.split(rf"_+ (?:ERROR at \w+ of )?{test} _+\n", ran.text)[1]
    return re.split(r"\n(?:_{5,} \w.* _{5,}|=+ .* =+)\n", part)[0]


# -- markers and options -------------------------------------------------------------------------

BAD_MARKERS = {
    "treads=2": "unknown argument 'treads' of the marker concurrent_sessions "
    "(it takes workers, backend, schedules, preemptions, timeout, strategy, seed)",
    "2": "the marker concurrent_sessions takes no positional arguments, say workers=3",
    "workers=0": "concurrent_sessions(workers=0): it takes a whole number from 1 to 100",
    "workers=101": "concurrent_sessions(workers=101): it takes a whole number from 1 to 100",
    "workers='2'": "concurrent_sessions(workers='2'): it takes a whole number from 1 to 100",
    "workers=True": "concurrent_sessions(workers=True): it takes a whole number from 1 to 100",
    "workers=2.0": "concurrent_sessions(workers=2.0): it takes a whole number from 1 to 100",
    "backend='fork'": "concurrent_sessions(backend='fork'): it takes one of auto, thread, gevent",
    "backend=None": "concurrent_sessions(backend=None): it takes one of auto, thread, gevent",
    "backend=[]": "concurrent_sessions(backend=[]): it takes one of auto, thread, gevent",
    "schedules=0": "concurrent_sessions(schedules=0): it takes a whole number from 1 on",
    "preemptions=-1": "concurrent_sessions(preemptions=-1): it takes a whole number from 0 on",
    "strategy='fast'": "concurrent_sessions(strategy='fast'): it takes one of systematic, reduced, "
    "bounded, pct, random",
    "strategy=['pct']": "concurrent_sessions(strategy=['pct']): it takes one of systematic, ",
    "seed=-1": "concurrent_sessions(seed=-1): it takes a whole number from 0 on",
    "seed=0.5": "concurrent_sessions(seed=0.5): it takes a whole number from 0 on",
    "timeout=-1": "concurrent_sessions(timeout=-1): it takes a number of seconds above 0",
    "timeout='5'": "concurrent_sessions(timeout='5'): it takes a number of seconds above 0",
    "timeout=float('nan')": "concurrent_sessions(timeout=nan): it takes a number of seconds above",
    "timeout=float('inf')": "concurrent_sessions(timeout=inf): it takes a number of seconds above",
}


@pytest.mark.parametrize("arguments", BAD_MARKERS)
def test_a_bad_marker_is_a_usage_error(suite, arguments):
    suite.write(test_it=MARKED.format(arguments=arguments))
    line = usage_error(suite.run())
    assert line.startswith(f"ERROR: test_it.py::test_it: {BAD_MARKERS[arguments]}")


def test_a_bad_marker_under_xdist_fails_its_test(suite):
    pytest.importorskip("xdist")
    suite.write(test_it=MARKED.format(arguments="workers=0"), test_other=PLAIN)
    ran = suite.run("-n2", plugins=("xdist",))
    ran.outcomes(passed=1, errors=1)
    assert BAD_MARKERS["workers=0"] in told(ran, "test_it")


BAD_OPTIONS = [
    ("schedules", "x", "'x' is not a whole number from 1 on"),
    ("schedules", "0", "'0' is not a whole number from 1 on"),
    ("schedules", "-3", "'-3' is not a whole number from 1 on"),
    ("schedules", "²", "'²' is not a whole number from 1 on"),
    ("seed", "-1", "'-1' is not a whole number from 0 on"),
    ("strategy", "x", "'x' is not one of systematic, reduced, bounded, pct, random"),
    ("gevent", "x", "'x' is not one of early, late, off"),
]


@pytest.mark.parametrize(("name", "value", "message"), BAD_OPTIONS)
def test_a_bad_option_is_a_usage_error(suite, monkeypatch, name, value, message):
    suite.write(test_it=PLAIN)
    option = f"--sessionguard-{name}"
    assert usage_error(suite.run(f"{option}={value}")) == f"ERROR: {option}: {message}"
    suite.ini(f"sessionguard_{name} = {value}")
    assert usage_error(suite.run()) == f"ERROR: sessionguard_{name}: {message}"


def test_a_bad_value_of_the_environment(suite, monkeypatch):
    suite.write(test_it=PLAIN)
    for name in ("schedules", "strategy", "seed", "gevent"):
        with monkeypatch.context() as context:
            context.setenv(f"SESSIONGUARD_{name.upper()}", "x")
            line = usage_error(suite.run())
            assert line.startswith(f"ERROR: SESSIONGUARD_{name.upper()}: 'x' is not ")


def test_a_bad_option_under_xdist(suite):
    pytest.importorskip("xdist")
    suite.write(test_it=PLAIN)
    ran = suite.run("-n2", "--sessionguard-schedules=x", plugins=("xdist",))
    assert "'x' is not a whole number" in usage_error(ran)


def test_options_hold_under_xdist(suite):
    pytest.importorskip("xdist")
    suite.write(
        test_it="""
import pytest, threading


def test_it(concurrently):
    from gevent.monkey import is_module_patched
    assert is_module_patched("threading")
    concurrently(lambda: threading.Event().set(), workers=3)


def test_workers(concurrently):
    assert concurrently(lambda n: n, workers=3) == [0, 1, 2]
"""
    )
    for arguments in ((), ("-n2",)):
        ran = suite.guard(
            "--sessionguard-gevent=early", "--sessionguard-schedules=2", *arguments,
            plugins=("xdist",) if arguments else (),
        )  # fmt: skip
        ran.outcomes(passed=2)
        searches = ran.report["searches"]
        assert {each["backend"] for each in searches} == {"gevent"}
        assert max(each["executions"] for each in searches) == 2


# -- wrong calls ---------------------------------------------------------------------------------

WRONG_CALLS = """
def test_no_function(concurrently):
    concurrently()


def test_not_callable(concurrently):
    concurrently(3)


def test_no_workers(concurrently):
    concurrently(lambda: None, workers=0)


def test_workers_in_words(concurrently):
    concurrently(lambda: None, workers="2")


def test_workers_true(concurrently):
    concurrently(lambda: None, workers=True)


def test_too_many_workers(concurrently):
    concurrently(lambda: None, lambda: None, workers=3)


def test_nested(concurrently):
    concurrently(lambda: concurrently(lambda: None))


def test_asked_for_late(request):
    request.getfixturevalue("concurrently")(lambda: None)


def test_async_function(concurrently):
    async def buy():
        pass

    concurrently(buy)


@pytest.mark.concurrent_sessions
def test_both(concurrently):
    concurrently(lambda: None)


@pytest.mark.concurrent_sessions
def test_unknown_engine(isolated_session):
    pass


@pytest.mark.concurrent_sessions(backend="gevent")
def test_gevent_not_patched():
    pass


@pytest.fixture
def bound(engine):
    connection = engine.connect()
    transaction = connection.begin()
    with Session(bind=connection) as session:
        yield session
    transaction.rollback()
    connection.close()


def test_bound(bound, engine, concurrently):
    concurrently(lambda: left(engine))


@pytest.fixture
def asks(request):
    request.getfixturevalue("bound")


def test_bound_and_asked_for_late(asks, engine, concurrently):
    concurrently(lambda: left(engine))


@pytest.fixture
def registry(engine):
    with engine.connect() as connection:
        yield scoped_session(sessionmaker(bind=connection))


@pytest.mark.concurrent_sessions
def test_bound_registry(registry, engine):
    left(engine)


memory = create_engine("sqlite://", poolclass=StaticPool)


@pytest.fixture
def uncommitted():
    with Session(memory) as session:
        Base.metadata.create_all(session.connection())
        session.add(Stock(id=1, left=3))
        session.flush()
        yield session


def test_uncommitted(uncommitted, concurrently):
    concurrently(lambda: left(memory))


def test_fork(engine, concurrently):
    def buys():
        child = os.fork()
        if not child:
            left(engine)
            os._exit(0)
        os.waitpid(child, 0)

    concurrently(buys)


def test_process(engine, concurrently):
    def buys():
        process = multiprocessing.get_context("fork").Process(target=print)
        process.start()
        process.join()
        assert process.exitcode == 0

    concurrently(buys)


def test_spawned(engine, concurrently):
    def buys():
        process = multiprocessing.get_context("spawn").Process(target=print)
        process.start()
        process.join()

    concurrently(buys, workers=1)


import multiprocessing
"""
FUNCTIONS = "concurrently: it takes functions to run, each in a worker"
ASYNC = "concurrently: the function is async and this test is not; write async def for the test"
BOUND = "is a Session bound to one Connection, so all workers would share its transaction; give each worker"
PROCESS = "a worker starts a process (test_it.py:"
COMPLAINTS = {
    "test_no_function": FUNCTIONS,
    "test_not_callable": FUNCTIONS,
    "test_no_workers": "concurrently(workers=0): it takes a whole number from 1 to 100",
    "test_workers_in_words": "concurrently(workers='2'): it takes a whole number from 1 to 100",
    "test_workers_true": "concurrently(workers=True): it takes a whole number from 1 to 100",
    "test_too_many_workers": "concurrently: 2 functions run in as many workers, not 3",
    "test_nested": "concurrently: a worker cannot start workers of its own",
    "test_asked_for_late": "concurrently: name it among the arguments of the test",
    "test_async_function": ASYNC,
    "test_both": "concurrently: a worker cannot start workers of its own",
    "test_unknown_engine": "override the fixture sessionguard_engine in conftest.py",
    "test_gevent_not_patched": "or run with --sessionguard-gevent=early",
    "test_bound": f"the fixture 'bound' {BOUND}",
    "test_bound_and_asked_for_late": f"the fixture 'bound' {BOUND}",
    "test_bound_registry": f"the fixture 'registry' {BOUND}",
    "test_uncommitted": "a fixture keeps a transaction open on the only connection",
    "test_fork": PROCESS,
    "test_process": PROCESS,
    "test_spawned": PROCESS,
}


@pytest.mark.parametrize("plugins", [(), ("anyio", "asyncio")], ids=["alone", "with asyncio"])
def test_a_wrong_call_is_told_in_one_line(suite, plugins):
    suite.write(test_it=MODEL + WRONG_CALLS)
    ran = suite.guard("--sessionguard-ignore=SG105", "-W", "ignore", plugins=plugins)
    ran.outcomes(failed=len(COMPLAINTS) - 1, errors=1)
    for test, complaint in COMPLAINTS.items():
        lines = [line for line in told(ran, test).splitlines() if complaint in line]
        assert len(lines) == 1, (test, told(ran, test))
    assert ours_in(ran.text) == []
    assert "During handling" not in ran.text
    for test in ("test_bound", "test_bound_registry", "test_uncommitted"):
        assert "isolated_session" in told(ran, test)


OTHER_PROCESSES = """
import multiprocessing
import subprocess


def nothing():
    pass


def test_program(concurrently):
    concurrently(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True))


def test_before(engine, concurrently):
    process = multiprocessing.get_context("fork").Process(target=nothing)
    process.start()
    process.join()
    concurrently(lambda: left(engine), workers=2)


@pytest.fixture
def sessionguard_engine(engine):
    return engine


def test_isolated(isolated_session, isolated_sessions, engine, concurrently):
    assert isolated_session.get(Stock, 1).left == 10
    concurrently(lambda: isolated_sessions().get(Stock, 1), workers=2)
"""


def test_what_looks_similar_and_is_right(suite):
    suite.write(test_it=MODEL + OTHER_PROCESSES)
    ran = suite.guard("--sessionguard-schedules=3", "-W", "ignore")
    ran.outcomes(passed=3)


PATCHED = """
from gevent import monkey

monkey.patch_all()
"""
WITH_PATCHED = """
import threading

import pytest


@pytest.mark.concurrent_sessions(backend="thread", schedules=3)
def test_threads():
    pass


def test_auto(concurrently):
    ready = threading.Event()
    concurrently(ready.set, ready.wait)
"""


@pytest.mark.parametrize("guarded", [True, False], ids=["from the beginning", "by marker only"])
def test_where_the_app_patches_itself_threads_are_refused(suite, guarded):
    """A patched thread is a greenlet, and would wait on a native lock for ever."""
    suite.write(conftest=PATCHED, test_it=WITH_PATCHED)
    ran = (suite.guard if guarded else suite.run)("-W", "ignore", "--sessionguard-schedules=3")
    ran.outcomes(passed=1, failed=1)
    assert "backend='thread': gevent has patched threads" in told(ran, "test_threads")


# -- what workers raise --------------------------------------------------------------------------

RAISING = """
def raising(engine, concurrently, *errors):
    def work(number):
        left(engine)
        if errors[number] is not None:
            raise errors[number]

    concurrently(work, workers=len(errors))


def test_one(engine, concurrently):
    with pytest.raises(LookupError, match="only one") as caught:
        raising(engine, concurrently, None, LookupError("only one"))
    assert type(caught.value) is LookupError


def test_several(engine, concurrently):
    with pytest.raises(ExceptionGroup, match="2 of 3 workers failed") as caught:
        raising(engine, concurrently, KeyError("first"), None, LookupError("third"))
    assert [type(error) for error in caught.value.exceptions] == [KeyError, LookupError]


def test_exit(engine, concurrently):
    with pytest.raises(SystemExit) as caught:
        raising(engine, concurrently, LookupError("goes under"), SystemExit(7))
    assert caught.value.code == 7


def test_interrupt(engine, concurrently):
    with pytest.raises(KeyboardInterrupt):
        raising(engine, concurrently, KeyboardInterrupt(), LookupError("goes under"))


def test_order_of_results(concurrently):
    class Counter:
        def plain(self):
            return "plain"

        def numbered(self, number):
            return number

        def __call__(self, number, *others, keyword=1):
            return "called", number

    def two(number, other=5):
        return number, other

    def none(*numbers, **keywords):
        return numbers

    def default(number=5):
        return number

    def keyword(*, number=5):
        return number

    functions = (
        Counter().plain, Counter().numbered, Counter(), two, none, default, keyword, dict,
    )
    found = concurrently(*functions)
    assert found == ["plain", 1, ("called", 2), (3, 5), (), 5, 5, {}]
    assert concurrently(lambda number: number * 10, workers=3) == [0, 10, 20]


def test_skip_in_one(engine, concurrently):
    raising(engine, concurrently, None, pytest.skip.Exception("in one"))


def test_skip_in_all(engine, concurrently):
    raising(engine, concurrently, *[pytest.skip.Exception("in all")] * 2)


def test_xfail_in_one(engine, concurrently):
    raising(engine, concurrently, None, pytest.xfail.Exception("in one"))


@pytest.mark.concurrent_sessions
def test_xfail_in_all(engine):
    pytest.xfail("in all")


def test_fail_in_one(engine, concurrently):
    raising(engine, concurrently, None, pytest.fail.Exception("in one"))


@pytest.mark.concurrent_sessions
def test_fail_in_all(engine):
    left(engine)
    pytest.fail("in all")


@pytest.mark.concurrent_sessions
def test_assert_in_all(engine):
    assert left(engine) == 11


def test_wrong_arguments(concurrently):
    concurrently(lambda first, second: None)


def test_caused(engine, concurrently):
    def buys(number):
        try:
            left(engine).nothing
        except AttributeError as error:
            raise LookupError("because") from error

    concurrently(buys)
"""


def test_what_workers_raise_is_what_the_test_raises(suite):
    suite.write(test_it=MODEL + RAISING)
    ran = suite.guard("--sessionguard-schedules=3")
    ran.outcomes(passed=5, skipped=2, xfailed=2, failed=5)
    assert ours_in(ran.text) == []
    assert "Failed: in one" in told(ran, "test_fail_in_one")
    assert "workers failed" not in told(ran, "test_fail_in_one")
    for test, line in (
        ("test_fail_in_all", 'pytest.fail("in all")'),
        ("test_assert_in_all", "assert left(engine) == 11"),
    ):
        assert "2 of 2 workers failed" in told(ran, test)
        assert told(ran, test).count(line) == 3, told(ran, test)
    assert told(ran, "test_wrong_arguments").count("missing 2 required positional") == 2
    assert "AttributeError" in told(ran, "test_caused")


def test_the_frames_of_the_guard_are_there_on_request(suite):
    suite.write(test_it=MODEL + RAISING)
    ran = suite.guard("--full-trace", "-k", "test_fail_in_one", "--sessionguard-schedules=3")
    ran.outcomes(failed=1, deselected=len(re.findall(r"def test_", RAISING)) - 1)
    assert ours_in(ran.text)


ENDS = """
def test_ends(engine, concurrently):
    def work(number):
        left(engine)
        if number:
            {statement}

    concurrently(work, workers=2)


def test_after():
    pass
"""


@pytest.mark.parametrize(
    ("statement", "status", "text"),
    [
        ("raise KeyboardInterrupt", 2, "KeyboardInterrupt"),
        ("pytest.exit('enough', returncode=9)", 9, "Exit: enough"),
    ],
)
def test_the_run_ends_when_a_worker_says_so(suite, statement, status, text):
    suite.write(test_it=MODEL + ENDS.format(statement=statement))
    ran = suite.guard("-W", "ignore")
    assert ran.status == status, ran.text + ran.errors
    assert text in ran.text
    assert "passed" not in ran.result.parseoutcomes()
    assert "INTERNALERROR" not in ran.text
    assert ours_in(ran.text) == []


LATE = """
def test_late(request):
    request.getfixturevalue("concurrently")(lambda: None)
"""


def test_asked_for_late_in_a_run_that_nobody_watches(suite):
    suite.write(test_it=LATE)
    ran = suite.run()
    ran.outcomes(failed=1)
    assert "concurrently: name it among the arguments of the test" in ran.text


FORGETFUL = """
import pytest

def test_forgets(concurrently):
    pass

def test_skips(concurrently):
    pytest.skip("for a reason")
"""


def test_a_test_that_never_calls_what_it_asks_for(suite):
    suite.write(test_it=FORGETFUL)
    ran = suite.guard()
    ran.outcomes(passed=1, skipped=1)
    assert ran.text.count("never calls it") == 1
    assert "test_it.py::test_forgets asks for concurrently and never calls it" in ran.text

"""Every execution begins as the first did, and pytest's user sees one test."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest


@pytest.fixture(autouse=True)
def plain_search(suite, monkeypatch):
    """Executions are counted here, so each order is tried, whether it can be told apart or not."""
    monkeypatch.setenv("SESSIONGUARD_STRATEGY", "bounded")


STOCK = """
from sqlalchemy import create_engine, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import StaticPool


class Base(DeclarativeBase):
    pass


class Stock(Base):
    __tablename__ = "stock"
    id: Mapped[int] = mapped_column(primary_key=True)
    left: Mapped[int]


def filled(engine):
    Base.metadata.create_all(engine)
    add(engine, 10)
    return engine


def in_memory():
    return create_engine(
        "sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False}
    )


def add(engine, left):
    with Session(engine) as session:
        session.add(Stock(left=left))
        session.commit()


def buy(engine):
    with Session(engine) as session:
        session.execute(update(Stock).values(left=Stock.left - 1))
        session.commit()


def left(engine):
    with Session(engine) as session:
        return list(session.scalars(select(Stock.left).order_by(Stock.id)))


def log(text):
    with open("log.txt", "a") as file:
        file.write(text + "\\n")


def count(name, _counts={}):
    _counts[name] = _counts.get(name, 0) + 1
    log(name)
    return _counts[name]
"""
BOUGHT = "import pytest\n\nfrom stock import *\n"
MEMORY = """
memory = in_memory()


@pytest.fixture(scope="module")
def engine():
    yield filled(memory)
    log(f"module fixture goes, {left(memory)} left")
"""


def logged(suite) -> list[str]:
    log = suite.path / "log.txt"
    return log.read_text().splitlines() if log.exists() else []


def executions(ran, name: str) -> int:
    (search,) = [each for each in ran.report["searches"] if each["test"].endswith(f"::{name}")]
    return search["executions"]


SCOPES = """
@pytest.fixture(scope="session")
def of_session():
    log("session")
    yield
    log("session goes")


@pytest.fixture(scope="module")
def of_module(of_session):
    log("module")
    yield
    log("module goes")


@pytest.fixture(scope="class")
def of_class(of_module):
    log("class")
    yield
    log("class goes")


@pytest.fixture
def of_function(of_class):
    log("function")
    yield
    log("function goes")


@pytest.fixture(autouse=True)
def automatic():
    log("automatic")


@pytest.fixture
def asked_for():
    log("asked for")


@pytest.mark.usefixtures("asked_for", "of_function")
class TestBuying:
    def setup_method(self):
        log("setup_method")
        self.seen = []

    def teardown_method(self):
        log("teardown_method")

    def test_fixture(self, concurrently):
        self.seen.append(1)
        assert self.seen == [1], "the instance is not a fresh one"
        concurrently(lambda: buy(memory), workers=2)

    @pytest.mark.concurrent_sessions(workers=2)
    def test_marker(self):
        self.seen.append(1)
        buy(memory)
        assert len(self.seen) <= 2, "the instance is not a fresh one"


def test_next():
    log("next")


memory = filled(in_memory())
"""


def test_function_fixtures_are_set_up_for_each_execution_and_others_once(suite):
    suite.write(stock=STOCK, test_it=BOUGHT + SCOPES)
    ran = suite.guard("--sessionguard-schedules=7")
    ran.outcomes(passed=3)
    assert executions(ran, "test_fixture") == executions(ran, "test_marker") == 7
    found = logged(suite)
    for name in ("session", "module", "class"):
        assert found.count(name) == found.count(f"{name} goes") == 1, found
    for name in ("function", "function goes", "asked for", "setup_method", "teardown_method"):
        assert found.count(name) == 14, (name, found)
    assert found.count("automatic") == 15
    assert found.index("class goes") < found.index("next") < found.index("module goes")
    first = found.index("automatic")
    one = found[first : found.index("automatic", first + 1)]
    assert {"setup_method", "teardown_method", "function", "function goes"} < set(one)
    assert found[first:][: 14 * len(one)] == one * 14, found


CLASS_SCOPE_OUTSIDE_OF_A_CLASS = """
@pytest.fixture(scope="class")
def table():
    log("class")
    add(memory, 3)


def test_it(table, concurrently):
    assert left(memory) == [10, 3]
    concurrently(lambda: buy(memory), workers=2)


memory = filled(in_memory())
"""


def test_class_scope_outside_of_a_class_is_the_tests_own(suite):
    """So says pytest; what such a fixture writes is undone with the rest."""
    suite.write(stock=STOCK, test_it=BOUGHT + CLASS_SCOPE_OUTSIDE_OF_A_CLASS)
    ran = suite.guard("--sessionguard-schedules=4")
    ran.outcomes(passed=1)
    assert logged(suite) == ["class"] * 4


LAZY_MEMORY = """
static = in_memory()
plain = create_engine("sqlite://")


@pytest.fixture
def tables():
    for engine in (static, plain):
        filled(engine)


def test_it(tables, concurrently):
    assert left(static) == left(plain) == [10]
    concurrently(lambda: (buy(static), buy(plain)), workers=2)
    assert left(static) == left(plain) == [8]


def test_after():
    with static.connect() as first, plain.connect() as second:
        assert not inspect(first).get_table_names()
        assert not inspect(second).get_table_names()


from sqlalchemy import inspect
"""


def test_a_database_in_memory_that_a_function_fixture_made_goes_with_it(suite):
    """Nothing had connected when the others were saved."""
    suite.write(stock=STOCK, test_it=BOUGHT + LAZY_MEMORY)
    suite.guard("--sessionguard-schedules=4").outcomes(passed=2)


FAILING_WIDE_FIXTURE = """
memory = in_memory()
file_engine = create_engine("sqlite:///file.db")


@pytest.fixture(scope="module")
def tables():
    filled(memory)
    filled(file_engine)


@pytest.fixture(scope="module")
def fails(tables):
    raise LookupError("no such warehouse")


def test_it(fails, concurrently):
    concurrently(lambda: buy(memory), workers=2)


def test_after(tables):
    assert left(memory) == left(file_engine) == [10]
"""


def test_what_wider_fixtures_wrote_stays_when_one_of_them_fails(suite):
    suite.write(stock=STOCK, test_it=BOUGHT + FAILING_WIDE_FIXTURE)
    suite.guard().outcomes(passed=1, errors=1)


BUILT_IN = """
import logging
import os
import warnings


@pytest.fixture
def home(monkeypatch, tmp_path):
    assert "STOCK_HOME" not in os.environ
    monkeypatch.setenv("STOCK_HOME", str(tmp_path))
    return tmp_path


def test_it(engine, concurrently, home, tmp_path, caplog, capsys, monkeypatch, recwarn, request):
    assert home == tmp_path
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "left.txt").write_text("left")
    assert caplog.records == []
    assert capsys.readouterr().out == ""
    assert list(recwarn) == []
    assert not request.node.user_properties
    assert request.node.get_closest_marker("seen") is None
    request.node.add_marker("seen")
    request.node.user_properties.append(("seen", 1))
    warnings.warn("each time")
    logging.getLogger().warning("each time")
    print("each time")
    monkeypatch.setattr("stock.left", None)
    concurrently(lambda: (print("worker"), buy(engine)), workers=2)
    assert len(caplog.records) == len(list(recwarn)) == 1
    assert capsys.readouterr().out == "each time\\nworker\\nworker\\n"
    log(str(tmp_path))


def test_after(engine):
    assert "STOCK_HOME" not in os.environ
    assert left(engine) == [10]
"""


def test_pytests_own_fixtures_start_afresh(suite):
    suite.ini("markers = seen: by the test")
    suite.write(stock=STOCK, test_it=BOUGHT + MEMORY + BUILT_IN)
    ran = suite.guard("--sessionguard-schedules=6", "--strict-markers")
    ran.outcomes(passed=2)
    folders = logged(suite)[:6]
    assert len(set(folders)) == 6, folders


DATABASES = """
import pathlib

file_engine = create_engine("sqlite:///file.db")
memory = in_memory()
wide = in_memory()


@pytest.fixture(scope="module", autouse=True)
def tables():
    for engine in (file_engine, memory, wide):
        filled(engine)
    yield
    log(f"in the end {left(file_engine)} {left(memory)} {left(wide)}")


@pytest.fixture
def writes():
    add(file_engine, 20)
    add(memory, 30)
    yield
    add(file_engine, 21)  # the teardown writes too
    add(memory, 31)
    Base.metadata.drop_all(wide)


@pytest.fixture
def fixed_file():
    path = pathlib.Path("fixed.db")
    assert not path.exists()
    engine = filled(create_engine(f"sqlite:///{path}"))
    yield engine
    engine.dispose()


def test_it(writes, fixed_file, concurrently):
    assert left(file_engine) == [10, 20]
    assert left(memory) == [10, 30]
    assert left(wide) == [10]
    assert left(fixed_file) == [10]

    def both():
        buy(file_engine)
        buy(memory)
        add(fixed_file, 5)

    concurrently(both, workers=2)
    assert left(file_engine) == [8, 18]
    assert left(memory) == [8, 28]
    assert len(left(fixed_file)) == 3
    with Session(wide) as session:
        session.delete(session.get(Stock, 1))
        session.commit()
    log("ran")


def test_after():
    assert left(file_engine) == left(memory) == left(wide) == [10]
    assert not pathlib.Path("fixed.db").exists()
    assert not list(pathlib.Path().glob("*-journal"))
"""


def test_databases_are_put_back_for_each_execution_and_after_the_test(suite):
    suite.write(stock=STOCK, test_it=BOUGHT + DATABASES)
    ran = suite.guard("--sessionguard-schedules=6")
    ran.outcomes(passed=2)
    assert logged(suite) == ["ran"] * 6 + ["in the end [10] [10] [10]"]


def test_databases_are_put_back_after_a_test_that_failed(suite):
    tests = DATABASES.replace('log("ran")', 'assert count("ran") < 3')
    suite.write(stock=STOCK, test_it=BOUGHT + tests)
    ran = suite.guard("--sessionguard-schedules=6")
    ran.outcomes(passed=1, failed=1)
    searched, repeated = 3, 1
    assert logged(suite) == ["ran"] * (searched + repeated) + ["in the end [10] [10] [10]"]


BROKEN = """
engine = create_engine("sqlite:///shop.db")
session = Session(engine)


@pytest.fixture
def tables():
    Base.metadata.create_all(engine)
    yield
    Base.metadata.drop_all(engine)


@pytest.mark.concurrent_sessions
def test_it(tables):
    session.add(Stock(left=1))
    session.commit()


def test_after(tables):
    assert left(engine) == []
"""


def test_the_lock_of_a_transaction_that_its_session_has_lost_is_released(suite):
    """Two workers break one Session: the traceback alone holds the connection that has written."""
    suite.write(stock=STOCK, test_it=BOUGHT + BROKEN)
    ran = suite.guard()
    ran.outcomes(passed=1, failed=1)
    assert "-- sessionguard: the order of the workers --" in ran.text
    assert "is locked" not in ran.text


LEFT_RUNNING = """
import threading

engine = create_engine("sqlite:///shop.db")
filled(engine)


def buy_often():
    for _ in range(150):
        buy(engine)


@pytest.mark.concurrent_sessions(schedules=3)
def test_it():
    threading.Thread(target=buy_often).start()
    buy(engine)
"""


def test_threads_that_go_on_after_the_test_crash_nothing(suite):
    """Their databases may be put back, or that may be too late for them; the run goes on."""
    suite.write(stock=STOCK, test_it=BOUGHT + LEFT_RUNNING)
    ran = suite.guard()
    assert ran.status in (0, 1), ran.text + ran.errors
    assert "INTERNALERROR" not in ran.text + ran.errors


PARAMETERS = """
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_it(engine, concurrently, workers):
    concurrently(lambda: buy(engine), workers=workers)
    assert left(engine) == [10 - workers]


@pytest.fixture(params=["a", "b"])
def each(request):
    add(memory, 1)
    return request.param


@pytest.mark.concurrent_sessions(workers=2)
def test_fixture(engine, each):
    assert len(left(engine)) == 2
    buy(engine)
"""


def test_each_parameter_is_a_search_of_its_own(suite):
    suite.write(stock=STOCK, test_it=BOUGHT + MEMORY + PARAMETERS)
    ran = suite.guard("--sessionguard-schedules=5")
    ran.outcomes(passed=5)
    found = {
        each["test"].partition("::")[2]: (each["workers"], each["executions"], each["complete"])
        for each in ran.report["searches"]
    }
    assert found == {
        "test_it[1]": (1, 1, True),
        "test_it[2]": (2, 5, False),
        "test_it[3]": (3, 5, False),
        "test_fixture[a]": (2, 5, False),
        "test_fixture[b]": (2, 5, False),
    }
    assert logged(suite) == ["module fixture goes, [10] left"]


UNITTEST = """
import unittest

memory = in_memory()


class TestBuying(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        log("setUpClass")
        filled(memory)

    @classmethod
    def tearDownClass(cls):
        log(f"tearDownClass {left(memory)}")

    def setUp(self):
        log("setUp")
        self.seen = []
        add(memory, 3)
        self.addCleanup(log, "cleanup")

    def tearDown(self):
        log("tearDown")

    @pytest.mark.concurrent_sessions(workers=2)
    def test_it(self):
        self.seen.append(1)
        assert len(self.seen) <= 2, "the instance is not a fresh one"
        assert len(left(memory)) == 2
        buy(memory)

    @pytest.mark.concurrent_sessions(workers=2)
    def test_later(self):
        buy(memory)
        self.assertLess(count("later"), 6)

    def test_plain(self):
        assert left(memory) == [10, 3]
"""


def test_unittest_cases_are_set_up_for_each_execution_and_their_class_once(suite):
    suite.write(stock=STOCK, test_it=BOUGHT + UNITTEST)
    ran = suite.guard("--sessionguard-schedules=5")
    ran.outcomes(passed=2, failed=1)
    found = [line for line in logged(suite) if line != "later"]
    repeated, plain = 1, 1
    runs = 5 + executions(ran, "test_later") + repeated + plain
    assert executions(ran, "test_later") == 3
    assert found[0] == "setUpClass"
    assert found[1:-1] == ["setUp", "tearDown", "cleanup"] * runs
    # test_plain's own row stays: an ordinary test is not undone.
    assert found[-1] == "tearDownClass [10, 3]"
    assert "sessionguard/" not in ran.text.partition("= FAILURES =")[2].replace("-sessionguard", "")


OUTCOMES = """
def test_skips(engine, concurrently):
    count("skips")
    concurrently(lambda: buy(engine), workers=2)
    pytest.skip("for a reason")


def test_skips_at_3(engine, concurrently):
    concurrently(lambda: buy(engine), workers=2)
    if count("skips at 3") == 3:
        pytest.skip("for a reason")


@pytest.mark.skip
def test_skipped(engine, concurrently):
    count("skipped")


@pytest.mark.xfail
def test_xfails(engine, concurrently):
    concurrently(lambda: buy(engine), workers=2)
    assert count("xfails") < 1


@pytest.mark.xfail
def test_xfails_at_3(engine, concurrently):
    concurrently(lambda: buy(engine), workers=2)
    assert count("xfails at 3") < 3


@pytest.mark.xfail(strict=True)
def test_xfails_strictly_at_3(engine, concurrently):
    concurrently(lambda: buy(engine), workers=2)
    assert count("xfails strictly at 3") < 3


@pytest.mark.xfail
def test_xpasses(engine, concurrently):
    count("xpasses")
    concurrently(lambda: buy(engine), workers=2)


@pytest.mark.xfail(strict=True)
def test_xpasses_strictly(engine, concurrently):
    count("xpasses strictly")
    concurrently(lambda: buy(engine), workers=2)


@pytest.mark.xfail(run=False)
def test_not_run(engine, concurrently):
    count("not run")


def test_nothing_concurrent(engine, concurrently):
    count("nothing concurrent")


@pytest.fixture
def setup_fails():
    assert count("setup fails") < 3, "in the setup"


def test_setup(setup_fails, engine, concurrently):
    concurrently(lambda: buy(engine), workers=2)


@pytest.fixture
def teardown_fails():
    yield
    assert count("teardown fails") < 3, "in the teardown"


def test_teardown(teardown_fails, engine, concurrently):
    concurrently(lambda: buy(engine), workers=2)


@pytest.fixture(scope="module")
def module_fails():
    yield
    assert count("module fails") < 1, "in the module's teardown"


def test_module_teardown(module_fails, engine, concurrently):
    concurrently(lambda: buy(engine), workers=2)
    count("module teardown")
"""


def test_every_outcome_is_told_once(suite):
    suite.write(stock=STOCK, test_it=BOUGHT + MEMORY + OUTCOMES)
    ran = suite.guard("--sessionguard-schedules=6", "-rA")
    ran.outcomes(passed=3, skipped=3, xfailed=4, xpassed=1, failed=1, errors=3)
    for line in (
        "SKIPPED [[]1] test_it.py:*: for a reason",
        "XFAIL test_it.py::test_xfails*",
        "XFAIL test_it.py::test_xfails_at_3*",
        "XFAIL test_it.py::test_xfails_strictly_at_3*",
        "XPASS test_it.py::test_xpasses*",
        "FAILED test_it.py::test_xpasses_strictly*",
        "ERROR test_it.py::test_setup - AssertionError: in the setup*",
        "ERROR test_it.py::test_teardown - AssertionError: in the teardown*",
        "ERROR test_it.py::test_module_teardown - AssertionError: in the module*",
    ):
        ran.result.stdout.fnmatch_lines(line)
    found = logged(suite)
    assert {name: found.count(name) for name in found if "goes" not in name} == {
        "skips": 1,
        "skips at 3": 3,
        "xfails": 1,
        "xfails at 3": 3,
        "xfails strictly at 3": 3,
        "xpasses": 6,
        "xpasses strictly": 6,
        "nothing concurrent": 1,
        "setup fails": 3,
        "teardown fails": 4,  # the failing order is repeated
        "module teardown": 6,
        "module fails": 1,
    }
    assert "module fixture goes, [10] left" in found


LATE = """
import logging


@pytest.fixture
def says():
    print("set up", count("set up"))
    yield
    print("taken down")


def test_first(engine):
    pass


def test_late(engine, says, concurrently, record_property):
    number = count("late")
    record_property("execution", number)
    print("printed in execution", number)
    logging.getLogger().warning("logged in execution %s", number)
    concurrently(lambda: buy(engine), workers=2)
    assert number < 4, f"failed in execution {number}"


def test_last(engine):
    assert left(engine) == [10]
"""


@pytest.fixture
def late(suite):
    """A suite whose second test fails from its fourth execution on; the fifth repeats it."""
    suite.write(stock=STOCK, test_it=BOUGHT + MEMORY + LATE)
    return suite


def test_a_late_failure_is_told_once_with_its_own_output(late):
    ran = late.guard("--junitxml=out.xml", "--durations=0", "-vv")
    ran.outcomes(passed=2, failed=1)
    assert executions(ran, "test_late") == 4
    (search,) = ran.report["searches"]
    assert search["first_finding"] == 4
    repeat = ["5"]
    assert re.findall(r"printed in execution (\d)", ran.text) == repeat
    assert re.findall(r"logged in execution (\d)", ran.text) == repeat
    assert re.findall(r"set up (\d)", ran.text) == repeat
    assert ran.text.count("test_late FAILED") == 1
    assert len(re.findall(r"s call +test_it.py::test_late", ran.text)) == 1
    cases = {
        case.get("name"): case for case in ElementTree.parse(late.path / "out.xml").iter("testcase")
    }
    assert list(cases) == ["test_first", "test_late", "test_last"]
    assert [child.tag for child in cases["test_late"]] == ["properties", "failure"]
    (recorded,) = cases["test_late"].iter("property")
    assert [recorded.get("value")] == repeat


@pytest.mark.parametrize("option", ["-x", "--maxfail=1"])
def test_a_run_stops_at_the_first_failing_search(late, option):
    ran = late.guard(option)
    ran.outcomes(passed=1, failed=1)
    assert "stopping after 1 failures" in ran.text
    assert logged(late)[-1] == "module fixture goes, [10] left"


def test_output_that_is_not_captured_and_setups_that_are_shown(late):
    ran = late.guard("-s", "--setup-show")
    ran.outcomes(passed=2, failed=1)
    assert re.findall(r"printed in execution (\d)", ran.text) == ["1", "2", "3", "4", "5"]
    assert ran.text.count("SETUP    F says") == ran.text.count("TEARDOWN F says") == 5
    assert ran.text.count("SETUP    M engine") == ran.text.count("TEARDOWN M engine") == 1


def test_a_plan_is_searched_nowhere(late):
    planned = late.guard("--setup-plan")
    assert planned.status == 0
    assert planned.text.count("SETUP    F says") == 1
    assert late.guard("--collect-only").status == 0
    assert logged(late) == []


XDIST = MEMORY + PARAMETERS + LATE


def test_under_xdist(suite):
    pytest.importorskip("xdist")
    suite.write(stock=STOCK, test_it=BOUGHT + XDIST)
    ran = suite.guard("-n2", "--sessionguard-schedules=5", "--junitxml=out.xml", plugins=("xdist",))
    ran.outcomes(passed=7, failed=1)
    assert len(ran.report["searches"]) == 6
    assert executions(ran, "test_late") == 4
    assert re.findall(r"printed in execution (\d)", ran.text) == ["5"]
    names = [
        case.get("name") for case in ElementTree.parse(suite.path / "out.xml").iter("testcase")
    ]
    assert len(names) == len(set(names)) == 8
    assert set(logged(suite)) >= {"module fixture goes, [10] left"}


def test_rerun_from_the_cache_of_the_last_failed(late):
    """``--lf`` and ``--ff`` name the test once."""
    late.guard("-p", "cacheprovider").outcomes(passed=2, failed=1)
    late.guard("--lf").outcomes(failed=1)


LOST_UPDATE = """
memory = filled(in_memory())


def buy_late(engine):
    with Session(engine) as session:
        seen = session.scalar(select(Stock.left))
        session.execute(update(Stock).values(left=seen - 1))
        session.commit()


def test_it(concurrently):
    concurrently(lambda: buy_late(memory), workers=2)
    assert left(memory) == [8]
"""


def test_an_own_failure_tells_where_the_turn_was_lost(suite):
    suite.write(stock=STOCK, test_it=BOUGHT + LOST_UPDATE)
    ran = suite.guard()
    ran.outcomes(failed=1)
    assert re.search(r"worker 0 lost its turn before .*: test_it\.py:\d+ in buy_late", ran.text)


LASTING = """
import time


@pytest.mark.concurrent_sessions(schedules=4)
def test_it():
    time.sleep(0.05)
    with Session(create_engine("sqlite://")) as session:
        session.execute(select(1))
"""


def test_the_time_of_all_executions_counts(suite):
    suite.write(stock=STOCK, test_it=BOUGHT + LASTING)
    ran = suite.guard("--junitxml=junit.xml")
    ran.outcomes(passed=1)
    [case] = ElementTree.parse(suite.path / "junit.xml").iter("testcase")
    [search] = ran.report["searches"]
    slept = 0.05 * search["workers"] * search["executions"]
    assert search["executions"] > 1
    assert float(case.get("time")) >= slept

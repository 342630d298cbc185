"""The guard cannot break the run: its own faults, other plugins, what it stands in for."""

from __future__ import annotations

import textwrap
from importlib import metadata

import pytest

# -- faults of the guard -------------------------------------------------------------------------

THREE = """
import shop


def test_before():
    assert shop.price_of_new_item(1) is None


def test_faulty():
    assert shop.price_of_new_item(2) is None


def test_after():
    assert shop.price_of_new_item(3) is None
"""
FAULTS = {
    "recorder": """
        from pytest_sessionguard.observe.recorder import Recorder
        plain = Recorder.who

        def who(self):
            if "test_faulty" in self.strands.test.label:
                raise ZeroDivisionError("a fault of the guard")
            return plain(self)

        Recorder.who = who
    """,
    "rule": """
        import dataclasses
        from pytest_sessionguard.rules import RULES
        from pytest_sessionguard import guard
        plain = guard.Guard.judge

        def judge(self, settings):
            kept = dict(RULES)
            if "test_faulty" in str(self.test):
                def check(trace):
                    raise ZeroDivisionError("a fault of the guard")
                RULES["SG201"] = dataclasses.replace(RULES["SG201"], check=check)
            try:
                return plain(self, settings)
            finally:
                RULES.update(kept)

        guard.Guard.judge = judge
    """,
    "end": """
        from pytest_sessionguard.observe import sqla
        from pytest_sessionguard.observe.recorder import Recorder
        plain, starting = sqla.left_state, Recorder.start
        now = []

        def start(self, label):
            now[:] = [label]
            return starting(self, label)

        def left_state(session):
            if now and "test_faulty" in now[0]:
                raise ZeroDivisionError("a fault of the guard")
            return plain(session)

        Recorder.start, sqla.left_state = start, left_state
    """,
}


def conftest(body):
    return textwrap.dedent(body)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_switches_the_guard_off_for_one_test(suite, fault):
    suite.shop(tests=THREE)
    suite.write(conftest=conftest(FAULTS[fault]))

    ran = suite.guard()

    ran.outcomes(failed=2, passed=1)
    (finding,) = ran.report["findings"]
    assert finding["tests"] == ["test_shop.py::test_after", "test_shop.py::test_before"]
    assert ran.text.count("was switched off for test_shop.py::test_faulty") == 1
    assert "ZeroDivisionError: a fault of the guard" in ran.text
    assert "SessionGuardWarning" in ran.text


def test_faults_in_all_tests_leave_the_outcomes(suite):
    suite.shop(tests=THREE + "\n\ndef test_fails():\n    assert shop.price_of_new_item(1) == 1\n")
    suite.write(conftest=conftest(FAULTS["recorder"]).replace('"test_faulty" in', '"" in'))

    ran = suite.guard()

    ran.outcomes(passed=3, failed=1)
    assert "where None = " in ran.text
    assert ran.text.count("was switched off for") == 1
    assert ran.codes == []


# -- the many kinds of tests ---------------------------------------------------------------------

KINDS = '''
import logging
import unittest

import pytest
import shop


@pytest.mark.parametrize("price", [1, 2])
def test_fixtures(price, tmp_path, capsys, caplog, monkeypatch, request, recwarn):
    (tmp_path / "price").write_text(str(price))
    print("out", price)
    with caplog.at_level(logging.INFO):
        logging.getLogger("shop").info("logged %s", price)
    monkeypatch.setattr(shop, "NEW", price, raising=False)
    assert shop.price_of_new_item(price) == price
    assert capsys.readouterr().out == f"out {price}\\n"
    assert caplog.messages == [f"logged {price}"]
    assert request.node.name == f"test_fixtures[{price}]"
    assert len(recwarn) == 0


class TestUnit(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.session = shop.Session(shop.engine)

    def setUp(self):
        self.item = shop.Item(price=7)
        self.session.add(self.item)
        self.session.flush()
        self.addCleanup(self.session.rollback)

    @classmethod
    def tearDownClass(cls):
        cls.session.close()

    def test_one(self):
        self.assertEqual(self.item.price, 7)

    def test_two(self):
        for price in (1, 2):
            with self.subTest(price=price):
                self.assertEqual(shop.price_of_new_item(price), price)


def price(value):
    """
    >>> price(4)
    4
    """
    return shop.price_of_new_item(value)
'''


def test_fixtures_unittest_and_doctest(mended):
    mended.write(test_shop=KINDS)
    mended.ini("doctest_optionflags = NORMALIZE_WHITESPACE")

    ran = mended.guard("--doctest-modules", "-W", "error")

    assert ran.status == 0, ran.text + ran.errors
    assert ran.result.parseoutcomes()["passed"] >= 5
    assert ran.codes == []


def test_findings_in_unittest_and_doctest(broken):
    broken.write(
        test_shop=KINDS.replace("== price", "is None")
        .replace("    4\n    ", "    ")
        .replace("(price), price)", "(price), None)")
    )

    ran = broken.guard("--doctest-modules")

    (finding,) = ran.report["findings"]
    assert {test.rpartition("::")[2] for test in finding["tests"]} == {
        "test_fixtures[1]", "test_fixtures[2]", "test_two", "test_shop.price",
    }  # fmt: skip


ASYNC = """
import asyncio
import warnings

import pytest
import shop
{mark}


async def test_price():
    assert shop.price_of_new_item(1) == 1
    jobs = [asyncio.to_thread(str, number) for number in (2, 3)]
    assert await asyncio.gather(*jobs) == ["2", "3"]


{decorator}
async def number():
    await asyncio.sleep(0)
    yield 5


async def test_fixture(number):
    async with asyncio.TaskGroup() as group:
        task = group.create_task(asyncio.sleep(0, number))
    assert task.result() == 5


async def test_own_task_factory():
    made = []

    def factory(loop, coroutine, **kwargs):
        made.append(coroutine.__qualname__)
        return asyncio.Task(coroutine, loop=loop, **kwargs)

    asyncio.get_running_loop().set_task_factory(factory)
    assert await asyncio.create_task(asyncio.sleep(0, "slept"), name="mine") == "slept"
    assert made == ["sleep"]
"""


@pytest.mark.parametrize(
    ("plugin", "mark", "decorator", "options"),
    [
        ("asyncio", "", "@pytest.fixture", ("-o", "asyncio_mode=auto")),
        (
            "asyncio",
            "import pytest_asyncio\npytestmark = pytest.mark.asyncio",
            "@pytest_asyncio.fixture",
            ("-o", "asyncio_mode=strict"),
        ),
        (
            "anyio",
            "pytestmark = pytest.mark.anyio\n\n@pytest.fixture\ndef anyio_backend():\n"
            "    return 'asyncio'",
            "@pytest.fixture",
            (),
        ),
    ],
    ids=["asyncio-auto", "asyncio-strict", "anyio"],
)
def test_async_plugins(mended, plugin, mark, decorator, options):
    mended.write(test_shop=ASYNC.format(mark=mark, decorator=decorator))
    if plugin == "asyncio" and not metadata.version("pytest-asyncio").startswith("0.23"):
        mended.ini("asyncio_default_fixture_loop_scope = function")

    ran = mended.guard("-W", "error", *options, plugins=(plugin,))

    ran.outcomes(passed=3)
    assert ran.codes == []


# -- pytest's own options ------------------------------------------------------------------------


def test_exit_first_and_last_failed(suite):
    suite.shop(tests=THREE)
    suite.write(test_a="def test_fine():\n    pass\n")

    first = suite.guard("-x")
    first.outcomes(passed=1, failed=1)
    assert first.report["findings"][0]["tests"] == ["test_shop.py::test_before"]

    again = suite.guard("--lf", "-q")
    again.outcomes(failed=1)
    assert again.report["findings"][0]["tests"] == ["test_shop.py::test_before"]


def test_without_a_terminal(broken):
    ran = broken.guard("-p", "no:terminal")

    assert ran.status == 1
    assert ran.codes == ["SG201"]
    assert "Traceback" not in ran.text + ran.errors


def test_quiet_and_uncaptured(broken):
    broken.write(
        test_shop="import shop\n\n\ndef test_price():\n    print('spoken aloud')\n"
        "    assert shop.price_of_new_item(1) is None\n"
    )

    ran = broken.guard("-q", "-s", "--color=yes")

    assert ran.status == 1
    assert ran.text.count("spoken aloud") == 1
    assert "SG201" in ran.text
    assert "\x1b[" in ran.text


def test_the_header_is_left_out_with_no_header(broken):
    ran = broken.guard("--no-header", "--no-summary")

    assert "sessionguard: watching" not in ran.text
    assert ran.status == 1


# -- what the code under test sees ---------------------------------------------------------------
#
# Each of these suites passes without the guard; it must pass with it, with warnings as errors.

SAME = {
    "session_methods": """
        import inspect
        import pickle
        import copy
        import shop
        import pytest
        from sqlalchemy import select, exc
        from sqlalchemy.orm import Session, scoped_session, sessionmaker


        def test_signatures():
            assert "instance" in str(inspect.signature(Session.add))
            for name in ("get", "execute", "merge", "close", "commit", "query", "scalars"):
                method = getattr(Session, name)
                plain = inspect.unwrap(method)
                assert inspect.signature(method) == inspect.signature(plain)
                assert method.__name__ == name
                assert method.__module__ == "sqlalchemy.orm.session"
                assert method.__doc__ == plain.__doc__
                assert method.__qualname__ == f"Session.{name}"
            assert list(inspect.signature(Session).parameters)[0] == "bind"
            assert list(inspect.signature(Session.__init__).parameters)[:2] == ["self", "bind"]


        def test_exceptions_are_the_users_own():
            session = Session()
            with pytest.raises(exc.UnboundExecutionError) as caught:
                session.execute(select(shop.Item))
            assert str(caught.value).startswith("Could not locate a bind configured on mapper")
            assert len(caught.value.args) == 1
            assert caught.value.__cause__ is None
            with pytest.raises(TypeError, match=r"Session.add\\(\\) missing 1 required positional"):
                session.add()
            with pytest.raises(TypeError, match="unexpected keyword argument 'wrong'"):
                session.commit(wrong=True)
            with pytest.raises(exc.ArgumentError):
                session.execute(object())


        def test_subclasses_and_hooks():
            class Mine(Session):
                def commit(self):
                    self.info["commits"] = self.info.get("commits", 0) + 1
                    super().commit()

            make = sessionmaker(shop.engine, class_=Mine, info={"a": 1})
            with make() as session, session.begin():
                session.add(shop.Item(price=1))
            session = make()
            session.commit()
            assert session.info == {"a": 1, "commits": 1}
            assert isinstance(scoped_session(make)(), Mine)


        def test_pickling_and_copying():
            with Session(shop.engine, expire_on_commit=False) as session:
                item = shop.Item(price=11)
                session.add(item)
                session.commit()
                assert set(item.__dict__) == {"_sa_instance_state", "id", "price"}
                twin = copy.copy(item)
                assert twin.price == 11
            again = pickle.loads(pickle.dumps(item))
            assert (again.id, again.price) == (item.id, 11)
            state = item._sa_instance_state.__getstate__()
            assert not any("sessionguard" in str(key) for key in state)
            with Session(shop.engine) as session:
                assert session.merge(again).price == 11
            with Session(shop.engine) as session:
                session.add(pickle.loads(pickle.dumps(item)))
                session.commit()
    """,
    "engines": """
        import shop
        from sqlalchemy import create_engine, event, text
        from sqlalchemy.pool import NullPool, QueuePool, StaticPool, SingletonThreadPool


        def test_pool_arguments(tmp_path):
            url = f"sqlite:///{tmp_path}/x.db"
            engine = create_engine(
                url, pool_size=2, max_overflow=1, pool_timeout=1, pool_recycle=60,
                pool_pre_ping=True, poolclass=QueuePool, pool_reset_on_return="rollback",
            )
            seen = []
            event.listen(engine, "checkout", lambda *args: seen.append("checkout"))
            with engine.connect() as one, engine.connect() as two:
                assert one.scalar(text("SELECT 1")) + two.scalar(text("SELECT 1")) == 2
                assert engine.pool.checkedout() == 2
            assert engine.pool.checkedin() == 2
            assert seen == ["checkout", "checkout"]
            with shop.Session(engine) as session:
                assert session.scalar(text("SELECT 3")) == 3
            engine.dispose()
            assert engine.pool.status().startswith("Pool size: 2")
            for kind in (NullPool, StaticPool, SingletonThreadPool):
                other = create_engine(url, poolclass=kind)
                with other.connect() as connection:
                    assert connection.scalar(text("SELECT 4")) == 4
                other.dispose()
    """,
    "locks": """
        import queue
        import sys
        import threading

        import pytest


        class Box:
            lock_class = threading.Lock
            if sys.version_info >= (3, 13):  # a function before
                guard: threading.Lock | None = None

            def __init__(self):
                self.lock = self.lock_class()


        def test_isinstance_and_unions():
            lock = threading.Lock()
            assert isinstance(lock, type(threading.Lock()))
            assert isinstance(threading.RLock(), type(threading.RLock()))
            if sys.version_info >= (3, 13):
                assert isinstance(lock, threading.Lock | None)
                assert isinstance(lock, None | threading.Lock)
                assert isinstance(lock, threading.Lock)
            assert callable(threading.Lock)
            assert threading.Lock.__name__ in ("lock", "allocate_lock")


        def test_class_attribute():
            box = Box()
            with box.lock:
                assert box.lock.locked()
                assert not box.lock.acquire(blocking=False)
            assert not box.lock.locked()


        def test_bad_use_is_told_as_before():
            with pytest.raises(RuntimeError, match="release unlocked lock"):
                threading.Lock().release()
            with pytest.raises(RuntimeError, match="cannot release un-acquired lock"):
                threading.RLock().release()
            with pytest.raises(TypeError):
                threading.Lock(1, 2)
            with pytest.raises(ValueError):
                threading.Lock().acquire(False, 5)


        @pytest.mark.parametrize("make", [threading.Lock, threading.RLock, lambda: None])
        def test_conditions(make):
            condition, done = threading.Condition(make()), []

            def wait():
                with condition:
                    done.append("waiting")
                    condition.notify_all()
                    assert condition.wait_for(lambda: "go" in done, 10)
                    done.append("gone")

            thread = threading.Thread(target=wait)
            thread.start()
            with condition:
                assert condition.wait_for(lambda: "waiting" in done, 10)
                done.append("go")
                condition.notify_all()
            thread.join()
            assert done == ["waiting", "go", "gone"]


        def test_reentrant():
            lock = threading.RLock()
            with lock, lock:
                assert lock._is_owned()
            assert not lock._is_owned()


        def test_other_primitives():
            semaphore = threading.BoundedSemaphore(1)
            with semaphore:
                assert not semaphore.acquire(blocking=False)
            with pytest.raises(ValueError):
                semaphore.release()
            box = queue.SimpleQueue()
            box.put(1)
            assert (box.get(), box.empty(), box.qsize()) == (1, True, 0)
            assert isinstance(box, queue.SimpleQueue)
            with pytest.raises(queue.Empty):
                box.get_nowait()
            event = threading.Event()
            event.set()
            assert event.wait(1) is True
            assert threading.Barrier(1).wait() == 0
    """,
    "asyncio_things": """
        import asyncio
        import gc
        import inspect
        import pytest


        async def nothing():
            pass


        def test_never_awaited():
            async def main():
                nothing()
                await asyncio.sleep(0)

            with pytest.warns(RuntimeWarning, match="coroutine 'nothing' was never awaited"):
                asyncio.run(main())
                gc.collect()


        def test_lost_exception_is_told():
            told = []

            async def main():
                asyncio.get_running_loop().set_exception_handler(
                    lambda loop, context: told.append(context["message"])
                )

                async def bad():
                    raise KeyError("x")

                task = asyncio.create_task(bad(), name="bad one")
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                assert task.get_name() == "bad one"
                assert "bad" in repr(task)
                del task
                gc.collect()

            asyncio.run(main())
            assert told == ["Task exception was never retrieved"]


        def test_cancelling_and_timeouts():
            async def main():
                task = asyncio.create_task(asyncio.Event().wait())
                await asyncio.sleep(0)
                task.cancel("enough")
                with pytest.raises(asyncio.CancelledError):
                    await task
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0):
                        await asyncio.Event().wait()
                future = asyncio.get_running_loop().create_future()
                future.set_result(3)
                assert isinstance(future, asyncio.Future)
                assert isinstance(task, asyncio.Task)
                assert asyncio.isfuture(future)
                return await future

            assert asyncio.run(main()) == 3


        def test_own_task_factory_with_a_subclass():
            class Mine(asyncio.Task):
                pass

            async def main():
                loop = asyncio.get_running_loop()
                loop.set_task_factory(lambda loop, coro, **kw: Mine(coro, loop=loop, **kw))
                task = asyncio.create_task(asyncio.sleep(0, 1))
                assert type(task) is Mine
                return await asyncio.gather(task, asyncio.sleep(0, 2))

            assert asyncio.run(main()) == [1, 2]
    """,
}


@pytest.mark.parametrize("name", SAME)
def test_same_with_and_without(mended, name):
    (mended.path / "test_shop.py").unlink()
    mended.write(test_same=conftest(SAME[name]))

    plain = mended.run("-W", "error")
    guarded = mended.guard("-W", "error")

    assert plain.status == 0, plain.text
    assert guarded.status == 0, guarded.text + guarded.errors
    assert guarded.result.parseoutcomes() == plain.result.parseoutcomes()
    assert guarded.codes == []


WARNING = """
import shop
from sqlalchemy import text
from sqlalchemy.orm import Session


def test_warns():
    session = Session(shop.engine)
    one = shop.Item(id=1, price=1)
    session.add(one)
    session.flush()
    session.execute(text("DELETE FROM item"))
    one.price = 2
    session.delete(one)
    session.flush()  # warns: the row is gone
    session.close()
"""


def test_warnings_point_to_the_users_line(mended):
    mended.write(test_shop=WARNING)

    plain, guarded = mended.run(), mended.guard()

    line = mended.line_of("test_shop", "# warns")
    for ran in (plain, guarded):
        ran.outcomes(passed=1)
        assert f"test_shop.py:{line}: SAWarning: DELETE statement on table 'item'" in ran.text
    mended.guard("-W", "error").outcomes(failed=1)


def test_the_traceback_of_a_users_error_shows_no_frame_of_the_guard(mended):
    mended.write(
        test_shop="import shop\nfrom sqlalchemy import text\n\n\ndef test_error():\n"
        "    with shop.Session(shop.engine) as session:\n"
        "        session.execute(text('SELECT missing FROM nowhere'))\n"
    )

    plain, guarded = mended.run("--tb=short"), mended.guard("--tb=short")

    guarded.outcomes(failed=1)
    assert "no such table: nowhere" in guarded.text
    assert "pytest_sessionguard" not in guarded.text
    places = [
        [line for line in ran.text.splitlines() if ": in " in line] for ran in (plain, guarded)
    ]
    assert places[0] == places[1]


LIFETIMES = """
import asyncio
import gc
import queue
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session, scoped_session, sessionmaker

engine = create_engine("sqlite:///test.db")


def use(session):
    return session.scalar(text("SELECT 1"))


def in_a_thread(session):
    thread = threading.Thread(target=use, args=(session,))
    thread.start()
    thread.join()


def in_a_pool(session):
    with ThreadPoolExecutor(1) as pool:
        pool.submit(use, session).result()


def through_a_queue(session):
    items = queue.Queue()
    items.put(session)
    use(items.get())


def under_a_condition(session):
    condition = threading.Condition()
    with condition:
        condition.notify_all()


def in_a_registry(session):
    registry = scoped_session(sessionmaker(engine))
    use(registry())
    registry.remove()


def in_a_task(session):
    async def main():
        async def work():
            return use(session)

        await asyncio.create_task(work())
        await asyncio.to_thread(use, session)

    asyncio.run(main())


WAYS = [in_a_thread, in_a_pool, through_a_queue, under_a_condition, in_a_registry, in_a_task]


@pytest.mark.parametrize("way", WAYS)
def test_a_session_is_gone_with_its_last_name(way):
    gc.disable()
    try:
        session = Session(engine)
        way(session)
        session.close()
        gone = weakref.ref(session)
        del session
        assert gone() is None
    finally:
        gc.enable()
"""


@pytest.mark.parametrize("plugin", ["sessionguard", "no:sessionguard"])
def test_objects_live_no_longer_under_the_guard(suite, plugin):
    suite.write(test_program=LIFETIMES)
    ran = suite.run("-p", plugin)
    assert ran.status == 0, ran.text + ran.errors

"""Tasks, threads and jobs that a worker starts take turns like the workers themselves."""

from __future__ import annotations

import re

MODEL = """
import asyncio
import queue
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import create_engine, update
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import StaticPool


class Base(DeclarativeBase):
    pass


class Stock(Base):
    __tablename__ = "stock"
    id: Mapped[int] = mapped_column(primary_key=True)
    left: Mapped[int]


def sell(number=1):
    return update(Stock).where(Stock.id == number).values(left=Stock.left - 1)


@pytest.fixture
def engine(tmp_path):
    made = create_engine(f"sqlite:///{tmp_path}/stock.db")
    Base.metadata.create_all(made)
    with Session(made) as session:
        session.add_all([Stock(id=1, left=10), Stock(id=2, left=10)])
        session.commit()
    return made


def left(engine):
    with Session(engine) as session:
        return session.get(Stock, 1).left
"""

GATHER = """

@pytest.fixture(params=["warm", "static"])
async def engine(tmp_path, request):
    if request.param == "static":
        made = create_async_engine("sqlite+aiosqlite://", poolclass=StaticPool)
    else:
        made = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/stock.db")
    async with made.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with AsyncSession(made) as session:
        session.add_all([Stock(id=1, left=10), Stock(id=2, left=10)])
        await session.commit()
    yield made
    await made.dispose()


async def look(session, number):
    return (await session.get(Stock, number)).left


@pytest.mark.concurrent_sessions(workers=1)
async def test_gathered(engine):
    async with AsyncSession(engine) as session:
        await session.connection()
        await asyncio.gather(look(session, 1), look(session, 2))


@pytest.mark.concurrent_sessions(workers=2)
async def test_swallowed(engine):
    async with AsyncSession(engine) as session:
        await asyncio.gather(look(session, 1), look(session, 2), return_exceptions=True)


@pytest.mark.concurrent_sessions(workers=2)
async def test_group(engine):
    async with AsyncSession(engine) as session, asyncio.TaskGroup() as group:
        group.create_task(look(session, 1))
        group.create_task(look(session, 2))
"""


def test_an_async_session_shared_by_gathered_children_is_found(suite):
    suite.ini("asyncio_mode = auto", "asyncio_default_fixture_loop_scope = function")
    suite.write(test_it=MODEL + GATHER)
    ran = suite.guard("-W", "ignore", plugins=("asyncio",))
    ran.outcomes(failed=6)
    assert set(ran.codes) <= {"SG101", "SG102"}
    lines = {finding["location"]["line"] for finding in ran.report["findings"]}
    assert {suite.line_of("test_it", "asyncio.gather(look(session, 1), look(session, 2))")} <= lines
    assert len(lines) == 3


THREADS = """

def test_lost_update(engine, concurrently):
    def buy():
        with Session(engine) as session:
            session.get(Stock, 1).left -= 1
            session.commit()

    def both():
        threads = [threading.Thread(target=buy) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    concurrently(both, workers=1)
    assert left(engine) == 8
"""


def test_threads_of_one_worker_are_ordered_and_replay(suite):
    suite.write(test_it=MODEL + THREADS)
    ran = suite.guard("-W", "ignore")
    ran.outcomes(failed=1)
    assert ran.codes == ["SG901"]
    assert "child 1: " in ran.text
    token = re.search(r"--sessionguard-replay=(\S+)", ran.text)
    assert token is not None
    again = suite.guard("-W", "ignore", token.group(0))
    again.outcomes(failed=1)
    assert again.codes == ["SG901"]
    assert "left its recorded way" not in again.text


CORRECT = """

W = pytest.mark.parametrize("workers", [1, 2])


@W
def test_threads_with_sessions_of_their_own(engine, concurrently, workers):
    def buy():
        with Session(engine) as session:
            session.execute(sell())
            session.commit()

    def both():
        threads = [threading.Thread(target=buy) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    concurrently(both, workers=workers)
    assert left(engine) == 10 - 2 * workers


@W
def test_jobs_of_an_executor(engine, concurrently, workers):
    def buy(number):
        with Session(engine) as session:
            session.execute(sell())
            session.commit()
        return number

    def both():
        with ThreadPoolExecutor(2) as executor:
            assert list(executor.map(buy, range(3))) == [0, 1, 2]
        with ThreadPoolExecutor(1) as executor:
            executor.submit(buy, 0)

    concurrently(both, workers=workers)
    assert left(engine) == 10 - 4 * workers


def test_a_thread_that_is_fed_by_a_queue(engine, concurrently):
    def buys():
        orders = queue.Queue()

        def serves():
            while (number := orders.get()) is not None:
                with Session(engine) as session:
                    session.execute(sell(number))
                    session.commit()

        thread = threading.Thread(target=serves)
        thread.start()
        for order in (1, 2, None):
            orders.put(order)
        thread.join()

    concurrently(buys, workers=2)
    assert left(engine) == 8


def test_a_thread_that_outlives_its_worker(engine, concurrently):
    def buy():
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        with Session(engine) as session:
            session.execute(sell())
            session.commit()

    concurrently(buy, workers=2)
    assert left(engine) == 8


def test_a_session_lent_to_a_thread(engine, concurrently):
    def looks():
        with Session(engine) as session:
            thread = threading.Thread(target=lambda: session.get(Stock, 1))
            thread.start()
            thread.join()
            session.get(Stock, 2)

    concurrently(looks, workers=2)
"""


def test_correct_children_pass_in_every_order(suite):
    suite.write(test_it=MODEL + CORRECT)
    ran = suite.guard("--sessionguard-schedules=40")
    ran.outcomes(passed=7)
    assert ran.codes == []
    assert all(search["executions"] > 1 for search in ran.report["searches"])


GREENLETS = """
import gevent


@W
def test_greenlets_with_sessions_of_their_own(engine, concurrently, workers):
    def buy():
        with Session(engine) as session:
            session.execute(sell())
            session.commit()

    def both():
        gevent.joinall([gevent.spawn(buy) for _ in range(2)], raise_error=True)

    concurrently(both, workers=workers)
    assert left(engine) == 10 - 2 * workers


def test_lost_update(engine, concurrently):
    def buy():
        with Session(engine) as session:
            session.get(Stock, 1).left -= 1
            session.commit()

    concurrently(lambda: gevent.joinall([gevent.spawn(buy) for _ in range(2)]), workers=1)
    assert left(engine) == 8
"""


def test_greenlets_of_one_worker_take_turns(suite):
    suite.write(test_it=MODEL + CORRECT.partition("@W")[0] + GREENLETS)
    ran = suite.guard("--sessionguard-gevent=early", "--sessionguard-schedules=40", "-W", "ignore")
    ran.outcomes(passed=2, failed=1)
    assert ran.codes == ["SG901"]


POOL = """
from multiprocessing.pool import ThreadPool


def test_jobs_of_a_pool_of_multiprocessings(engine, concurrently):
    def buy(_):
        with Session(engine) as session:
            session.execute(sell())
            session.commit()

    def all_at_once():
        with ThreadPool(3) as pool:
            pool.map(buy, range(3))

    concurrently(all_at_once, workers=2)
    assert left(engine) == 4
"""


def test_jobs_that_are_not_seen_run_as_they_would_without_the_guard(suite):
    suite.write(test_it=MODEL + CORRECT.partition("@W")[0] + POOL)
    ran = suite.guard("--sessionguard-schedules=40")
    assert ran.status == 0, ran.text + ran.errors
    (search,) = ran.report["searches"]
    assert (search["complete"], search["cut"]) == (False, "uncontrolled waits")


NATIVE = """
from gevent.threadpool import ThreadPool


def test_jobs_of_gevents_native_threads(engine, concurrently):
    def buy(_):
        with Session(engine) as session:
            session.execute(sell())
            session.commit()

    concurrently(lambda: ThreadPool(2).map(buy, range(2)), workers=2)
    assert left(engine) == 6
"""


def test_native_threads_beside_greenlets_run_as_they_would_without_the_guard(suite):
    suite.write(test_it=MODEL + CORRECT.partition("@W")[0] + NATIVE)
    ran = suite.guard("--sessionguard-gevent=early", "--sessionguard-schedules=40", "-W", "ignore")
    assert ran.status == 0, ran.text + ran.errors
    assert [search["complete"] for search in ran.report["searches"]] == [False]

"""Rows of real servers, through drivers of every kind: who waits lets others go on, a cycle is told."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

psycopg = pytest.importorskip("psycopg")
pymysql = pytest.importorskip("pymysql")

MODEL = """
import pytest
from sqlalchemy import create_engine, select, text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class Stock(Base):
    __tablename__ = "stock"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    left: Mapped[int]


def taking(number):
    return update(Stock).where(Stock.id == number).values(left=Stock.left - 1)


def both():
    return [Stock(id=1, left=10), Stock(id=2, left=10)]
"""
THREADS = """
engine = create_engine("{url}")


@pytest.fixture(autouse=True)
def tables():
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all(both())
        session.commit()
    yield
    Base.metadata.drop_all(engine)
    engine.dispose()


def takes(*numbers):
    def work():
        with Session(engine) as session:
            for number in numbers:
                session.execute(taking(number))  # held waits
            session.commit()
    return work


def left():
    with Session(engine) as session:
        return session.get(Stock, 1).left
"""
THREADS_CORRECT = """
def test_atomic(concurrently):
    concurrently(takes(1), workers=2)
    assert left() == 8


def test_locked(concurrently):
    def work():
        with Session(engine) as session:
            session.get(Stock, 1, with_for_update=True).left -= 1
            session.commit()

    concurrently(work, workers=2)
    assert left() == 8


def test_crossed_and_tried_again(concurrently):
    def until_done(work):
        def works():
            while True:
                try:
                    return work()
                except OperationalError:
                    pass
        return works

    concurrently(until_done(takes(1, 2)), until_done(takes(2, 1)))
    assert left() == 8


def test_slow(concurrently):
    def work():
        with Session(engine) as session:
            session.execute(text("SELECT {sleep}(0.2)"))

    concurrently(work, workers=2)
"""
THREADS_CROSSED = """
def test_it(concurrently):
    concurrently(takes(1, 2), takes(2, 1))
"""
TASKS = """
# A teardown that has to wait fails, and does not hang.
engine = create_async_engine("{url}", connect_args={{"server_settings": {{"lock_timeout": "5s"}}}})


@pytest.fixture(autouse=True)
async def tables(request):
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.drop_all)
        await connection.run_sync(Base.metadata.create_all)
    async with AsyncSession(engine) as session:
        session.add_all(both())
        await session.commit()
    yield
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.drop_all)
    await engine.dispose()


def takes(*numbers):
    async def work():
        async with AsyncSession(engine) as session:
            for number in numbers:
                await session.execute(taking(number))  # held waits
            await session.commit()
    return work


async def left():
    async with AsyncSession(engine) as session:
        return await session.scalar(select(Stock.left).where(Stock.id == 1))
"""
TASKS_CORRECT = """
async def test_atomic(concurrently):
    await concurrently(takes(1), workers=2)
    assert await left() == 8


async def test_locked(concurrently):
    async def work():
        async with AsyncSession(engine) as session:
            (await session.get(Stock, 1, with_for_update=True)).left -= 1
            await session.commit()

    await concurrently(work, workers=2)
    assert await left() == 8


async def test_slow(concurrently):
    async def work():
        async with AsyncSession(engine) as session:
            await session.execute(text("SELECT {sleep}(0.2)"))

    await concurrently(work, workers=2)
"""
TASKS_CROSSED = """
async def test_it(concurrently):
    await concurrently(takes(1, 2), takes(2, 1))
"""
LEFT_OPEN = """
sessions = []


async def test_it(concurrently):
    async def leaves():
        sessions.append(AsyncSession(engine))
        await sessions[-1].execute(taking(1 + len(sessions) % 2))
        raise ValueError

    await concurrently(leaves, workers=2)
"""


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """A database of its own, where a server may be asked for one."""
    name = f"sessionguard_servers_{os.getpid()}"
    try:
        server = psycopg.connect("dbname=postgres", autocommit=True, connect_timeout=3)
    except psycopg.OperationalError:
        pytest.skip("no PostgreSQL server; PGHOST, PGUSER and PGPASSWORD name another")
    with server:
        server.execute(f"CREATE DATABASE {name}")
        yield f"/{name}"
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def mysql() -> Iterator[str]:
    """The same of MySQL or MariaDB."""
    name, host = f"sessionguard_{os.getpid()}", os.environ.get("MYSQL_HOST", "127.0.0.1")
    user, password = os.environ.get("MYSQL_USER", "root"), os.environ.get("MYSQL_PWD", "")
    try:
        server = pymysql.connect(host=host, user=user, password=password, connect_timeout=3)
    except pymysql.OperationalError:
        pytest.skip("no MySQL server; MYSQL_HOST, MYSQL_USER and MYSQL_PWD name another")
    with server, server.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
        yield f"{user}:{password}@{host}/{name}"
        cursor.execute(f"DROP DATABASE {name}")


DRIVERS = {
    "asyncpg": ("postgres", "postgresql+asyncpg://", "pg_sleep", TASKS),
    "gevent": ("postgres", "postgresql+psycopg://", "pg_sleep", THREADS),
    "pymysql": ("mysql", "mysql+pymysql://", "SLEEP", THREADS),
}
OPTIONS = {"asyncpg": ("--asyncio-mode=auto",), "gevent": ("--sessionguard-gevent=early",)}


@pytest.fixture(params=DRIVERS)
def run(request, suite):
    """Runs a program with a driver: of ``threads`` or of ``tasks``."""
    server, url, sleep, program = DRIVERS[request.param]
    url += request.getfixturevalue(server)
    plugins = ("asyncio",) if program is TASKS else ()
    needed = OPTIONS.get(request.param, ())

    def run(threads: str, tasks: str, *arguments: str):
        body = program + (tasks if program is TASKS else threads)
        suite.write(test_program=MODEL + body.format(url=url, sleep=sleep))
        return suite.guard(*needed, *arguments, plugins=plugins)

    return run


def test_who_waits_for_a_row_is_silent_and_its_search_comes_to_an_end(run):
    ran = run(THREADS_CORRECT, TASKS_CORRECT)
    assert ran.status == 0, ran.text
    assert {search["cut"] for search in ran.report["searches"]} == {None}
    assert ran.report["searches"][0]["classes"] > 1


def test_a_cycle_of_rows_is_told_and_repeats(run, suite):
    ran = run(THREADS_CROSSED, TASKS_CROSSED, "--sessionguard-schedules=5")
    [found] = ran.report["findings"]
    assert found["code"] == "SG601"
    told = {site["line"] for side in found["sides"] for site in side["stack"]}
    assert suite.line_of("test_program", "# held waits") in told
    replay = f"--sessionguard-replay={found['replay']}"
    again = run(THREADS_CROSSED, TASKS_CROSSED, replay)
    assert [each["message"] for each in again.report["findings"]] == [found["message"]]


def test_what_workers_leave_open_keeps_no_fixture_waiting(suite, postgres):
    url = f"postgresql+asyncpg://{postgres}"
    suite.write(test_program=MODEL + (TASKS + LEFT_OPEN).format(url=url))
    ran = suite.guard(*OPTIONS["asyncpg"], plugins=("asyncio",))
    assert ran.status == 1
    assert "LockNotAvailable" not in ran.text

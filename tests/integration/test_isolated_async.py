"""``isolated_session`` on an AsyncEngine: AsyncSessions, rolled back while their loop still runs."""

from __future__ import annotations

import pytest

PROGRAM = """
import asyncio

import pytest
from sqlalchemy import create_engine, func, select
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class Stock(Base):
    __tablename__ = "stock"
    id: Mapped[int] = mapped_column(primary_key=True)


@pytest.fixture(scope="module", params=["one", "two"])
def path(tmp_path_factory, request):
    path = tmp_path_factory.mktemp(request.param) / "shop.db"
    plain = create_engine(f"sqlite:///{path}")
    Base.metadata.create_all(plain)
    yield path
    with Session(plain) as session:
        assert session.scalar(select(func.count()).select_from(Stock)) == 0, "all was rolled back"


@pytest.fixture
def sessionguard_engine(path):
    return create_async_engine(f"sqlite+aiosqlite:///{path}")


async def sells(session):
    assert isinstance(session, AsyncSession)
    session.add(Stock())
    await session.commit()
    assert len((await session.scalars(select(Stock))).all()) == 1
"""
TESTS = """
@pytest.mark.{plugin}
async def test_alone(isolated_session, isolated_sessions):
    await sells(isolated_session)
    other = isolated_sessions()
    assert (await other.scalars(select(Stock))).all() == []


@pytest.mark.{plugin}
@pytest.mark.concurrent_sessions(schedules=5)
async def test_each_worker_has_its_own(isolated_session):
    assert (await isolated_session.scalars(select(Stock))).all() == []


@pytest.mark.{plugin}
@pytest.mark.concurrent_sessions(schedules=5)
class TestClass:
    async def test_as_many_as_they_like(self, isolated_sessions):
        for session in isolated_sessions(), isolated_sessions():
            assert (await session.scalars(select(Stock))).all() == []


@pytest.mark.{plugin}
async def test_functions(concurrently, isolated_sessions):
    async def counts():
        session = isolated_sessions()
        return len((await session.scalars(select(Stock))).all())

    assert await concurrently(counts, workers=2) == [0, 0]


@pytest.mark.{plugin}
@pytest.mark.xfail(raises=ZeroDivisionError, strict=True)
async def test_that_fails(isolated_session):
    await sells(isolated_session)
    1 / 0
"""
BACKEND = """
@pytest.fixture
def anyio_backend():
    return "asyncio"
"""
PLAIN = """
def test_a_plain_one(isolated_session):
    asyncio.run(sells(isolated_session))
"""


@pytest.mark.parametrize("plugin", ["asyncio", "anyio"])
def test_workers_and_tests_have_async_sessions_of_their_own(suite, plugin):
    suite.write(test_it=PROGRAM + BACKEND + TESTS.replace("{plugin}", plugin))
    ran = suite.guard("-W", "ignore", plugins=(plugin,))
    ran.outcomes(passed=8, xfailed=2)
    assert ran.codes == []
    assert len(ran.report["searches"]) == 6


def test_a_plain_test_may_have_ended_its_loop(suite):
    suite.write(test_it=PROGRAM + PLAIN)
    ran = suite.guard("-W", "ignore")
    ran.outcomes(passed=2)


def test_a_driver_that_wants_its_own_loop_is_told_in_one_line(suite):
    pinned = """
@pytest.fixture
def sessionguard_engine(path):
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}")

    @event.listens_for(engine.sync_engine, "rollback")
    def only_at_home(connection):
        raise RuntimeError("attached to a different loop")

    return engine
"""
    program = PROGRAM.replace("create_engine, func", "create_engine, event, func")
    suite.write(test_it=program + pinned + PLAIN)
    ran = suite.guard("-W", "ignore")
    ran.outcomes(passed=2, errors=2)
    assert ran.text.count("\nisolated_sessions: a connection cannot be given back") == 2

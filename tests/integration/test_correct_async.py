"""Correct async programs pass, and nothing is said, in every order up to the budget."""

from __future__ import annotations

import pytest

MODEL = """
import asyncio

import httpx
import pytest
from fastapi import Depends, FastAPI
from sqlalchemy import create_engine, select, update
from sqlalchemy.ext.asyncio import (
    AsyncSession,
    async_scoped_session,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, Session as SyncSession, mapped_column
from starlette.testclient import TestClient


class Base(DeclarativeBase):
    pass


class Stock(Base):
    __tablename__ = "stock"
    id: Mapped[int] = mapped_column(primary_key=True)
    left: Mapped[int]


async def fill(engine, n=3):
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with AsyncSession(engine) as session:
        for i in range(1, n + 1):
            session.add(Stock(id=i, left=10))
        await session.commit()
    return engine


async def left(engine, id=1):
    async with AsyncSession(engine) as session:
        return (await session.get(Stock, id)).left


def BUY(id=1):
    return update(Stock).where(Stock.id == id).values(left=Stock.left - 1)


W = pytest.mark.parametrize("workers", [2, 3])


@pytest.fixture
async def engine(tmp_path):
    made = await fill(create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/s.db"))
    yield made
    await made.dispose()
"""

SESSIONS = """
@W
async def test_async_scoped(engine, concurrently, workers):
    Session = async_scoped_session(async_sessionmaker(engine), scopefunc=asyncio.current_task)

    async def buy():
        try:
            await Session.execute(BUY())
            await Session.commit()
            (await Session.get(Stock, 1)).left
        finally:
            await Session.remove()

    await concurrently(buy, workers=workers)
    assert await left(engine) == 10 - workers


@W
async def test_gather_own(engine, concurrently, workers):
    async def one(id):
        async with AsyncSession(engine) as s:
            await s.execute(BUY(id))
            await s.commit()
            return await s.get(Stock, id)

    async def buy():
        got = await asyncio.gather(one(1), one(2))
        assert [g.id for g in got] == [1, 2]

    await concurrently(buy, workers=workers)
    assert await left(engine) == 10 - workers


@pytest.fixture
async def session(engine):
    async with AsyncSession(engine) as s:
        yield s


@W
async def test_moved_by_wait_for(engine, session, workers, concurrently):
    await asyncio.wait_for(session.get(Stock, 1), 5)
    async with asyncio.TaskGroup() as g:
        g.create_task(session.get(Stock, 2))

    async def own():
        async with AsyncSession(engine) as s:
            await asyncio.wait_for(s.execute(BUY()), 5)
            async with asyncio.TaskGroup() as g:
                g.create_task(s.commit())
            t = asyncio.create_task(s.get(Stock, 1))
            await asyncio.wait([t])
            await asyncio.shield(s.get(Stock, 2))

    await session.commit()
    await concurrently(own, workers=workers)
    await asyncio.wait_for(session.get(Stock, 1), 5)


@W
async def test_locked(engine, concurrently, workers):
    lock = asyncio.Lock()
    s = AsyncSession(engine)

    async def buy():
        async with lock:
            st = await s.get(Stock, 1)
            st.left -= 1
            await s.commit()
            await s.refresh(st)

    await concurrently(buy, workers=workers)
    assert await left(engine) == 10 - workers
    await s.close()


@W
async def test_semaphore1(engine, concurrently, workers):
    lock = asyncio.Semaphore(1)
    s = AsyncSession(engine)

    async def buy():
        async with lock:
            st = await s.get(Stock, 1)
            st.left -= 1
            await s.commit()

    await concurrently(buy, workers=workers)
    assert await left(engine) == 10 - workers
    await s.close()


async def test_queue(engine, concurrently):
    q = asyncio.Queue()

    async def gives():
        s = AsyncSession(engine)
        st = await s.get(Stock, 1)
        await q.put((s, st))

    async def takes():
        s, st = await q.get()
        st.left -= 1
        await s.commit()
        await s.close()

    await concurrently(takes, gives)
    assert await left(engine) == 9


async def test_event(engine, concurrently):
    ev = asyncio.Event()
    box = []

    async def gives():
        s = AsyncSession(engine)
        box.append((s, await s.get(Stock, 1)))
        ev.set()

    async def takes():
        await ev.wait()
        s, st = box.pop()
        st.left -= 1
        await s.commit()
        await s.close()

    await concurrently(takes, gives)
    assert await left(engine) == 9


async def test_condition(engine, concurrently):
    cond = asyncio.Condition()
    box = []

    async def gives():
        s = AsyncSession(engine)
        st = await s.get(Stock, 1)
        async with cond:
            box.append((s, st))
            cond.notify_all()

    async def takes():
        async with cond:
            await cond.wait_for(lambda: box)
        s, st = box.pop()
        st.left -= 1
        await s.commit()
        await s.close()

    await concurrently(takes, gives)
    assert await left(engine) == 9


async def test_barrier(engine, concurrently):
    b = asyncio.Barrier(2)
    box = {}

    async def one():
        s = AsyncSession(engine)
        box["s"] = (s, await s.get(Stock, 1))
        await b.wait()
        await b.wait()
        await s.close()

    async def two():
        await b.wait()
        s, st = box["s"]
        st.left -= 1
        await s.commit()
        await b.wait()

    await concurrently(one, two)
    assert await left(engine) == 9


async def test_future(engine, concurrently):
    f = asyncio.get_running_loop().create_future()

    async def gives():
        s = AsyncSession(engine)
        f.set_result((s, await s.get(Stock, 1)))

    async def takes():
        s, st = await f
        st.left -= 1
        await s.commit()
        await s.close()

    await concurrently(takes, gives)
    assert await left(engine) == 9


@W
async def test_stream_and_run_sync(engine, concurrently, workers):
    async def look():
        async with AsyncSession(engine) as s:
            r = await s.stream(select(Stock))
            async for row in r.scalars():
                row.left
            await s.run_sync(lambda s: s.get(Stock, 1).left)
        async with engine.connect() as c:
            await c.execute(BUY())
            await c.commit()

    await concurrently(look, workers=workers)
    assert await left(engine) == 10 - workers
"""

APPS = """
def make_app(engine):
    app = FastAPI()
    Session = async_sessionmaker(engine, expire_on_commit=False)

    async def get_db():
        async with Session() as s:
            yield s

    @app.post("/buy")
    async def buy(db: AsyncSession = Depends(get_db)):
        await db.execute(BUY())
        await db.commit()
        return {"left": (await db.get(Stock, 2)).left}

    return app


@W
async def test_fastapi_async(engine, concurrently, workers):
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=make_app(engine)), base_url="http://t"
    ) as c:
        rs = await concurrently(lambda: c.post("/buy"), workers=workers)
    assert [r.status_code for r in rs] == [200] * workers
    assert await left(engine) == 10 - workers


def make_sync_app(engine):
    app = FastAPI()

    def get_db():
        s = SyncSession(engine)
        try:
            yield s
        finally:
            s.close()

    @app.post("/buy")
    def buy(db: SyncSession = Depends(get_db)):
        db.execute(BUY())
        db.commit()
        return {"left": db.get(Stock, 2).left}

    return app


@pytest.fixture
def sync_engine(tmp_path):
    e = create_engine(f"sqlite:///{tmp_path}/t.db", connect_args={"check_same_thread": False})
    Base.metadata.create_all(e)
    with SyncSession(e) as s:
        s.add_all([Stock(id=1, left=10), Stock(id=2, left=10)])
        s.commit()
    yield e
    e.dispose()


@W
async def test_fastapi_sync(sync_engine, concurrently, workers):
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=make_sync_app(sync_engine)), base_url="http://t"
    ) as c:
        rs = await concurrently(lambda: c.post("/buy"), workers=workers)
    assert [r.status_code for r in rs] == [200] * workers
    with SyncSession(sync_engine) as s:
        assert s.get(Stock, 1).left == 10 - workers


@pytest.fixture
def client(sync_engine):
    return TestClient(make_sync_app(sync_engine))


@pytest.mark.concurrent_sessions(workers=2)
def test_fastapi_sync_testclient2(client):
    assert client.post("/buy").status_code == 200


@pytest.mark.concurrent_sessions(workers=3)
def test_fastapi_sync_testclient3(client):
    assert client.post("/buy").status_code == 200


@W
async def test_to_thread(sync_engine, concurrently, workers):
    def work():
        with SyncSession(sync_engine) as s:
            s.execute(BUY())
            s.commit()

    async def buy():
        await asyncio.to_thread(work)

    await concurrently(buy, workers=workers)
    with SyncSession(sync_engine) as s:
        assert s.get(Stock, 1).left == 10 - workers


async def test_several_jobs_of_one_task(sync_engine, concurrently):
    def work():
        with SyncSession(sync_engine) as s:
            s.execute(BUY())
            s.commit()

    async def buy():
        run = asyncio.get_running_loop().run_in_executor
        await asyncio.gather(run(None, work), run(None, work))

    await concurrently(buy, workers=2)
    with SyncSession(sync_engine) as s:
        assert s.get(Stock, 1).left == 6


async def test_a_job_beside_its_own_task(sync_engine, concurrently):
    engine = create_async_engine(f"sqlite+aiosqlite:///{sync_engine.url.database}")

    def work():
        with SyncSession(sync_engine) as s:
            s.execute(BUY())
            s.commit()

    async def buy():
        job = asyncio.get_running_loop().run_in_executor(None, work)
        async with AsyncSession(engine) as session:
            await session.execute(BUY())
            await session.commit()
        await job

    await concurrently(buy, workers=2)
    await engine.dispose()
    with SyncSession(sync_engine) as s:
        assert s.get(Stock, 1).left == 6
"""

PROGRAMS = {"sessions": SESSIONS, "apps": APPS}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_correct_async_program_passes_in_every_order(suite, name):
    suite.ini("asyncio_mode = auto", "asyncio_default_fixture_loop_scope = function")
    suite.write(test_program=MODEL + "\n\n" + PROGRAMS[name])
    ran = suite.guard("--sessionguard-schedules=30", "-W", "ignore", plugins=("asyncio",))
    assert ran.status == 0, ran.text + ran.errors
    assert ran.codes == []
    assert all(search["executions"] > 1 for search in ran.report["searches"]), ran.report[
        "searches"
    ]

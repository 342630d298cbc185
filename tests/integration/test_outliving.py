"""Work that outlives its request is found in workers too, also where nothing is raised."""

from __future__ import annotations

SHOP = """
import asyncio
import threading

from fastapi import Depends, FastAPI
from sqlalchemy import create_engine, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from starlette.responses import StreamingResponse


class Base(DeclarativeBase):
    pass


class Stock(Base):
    __tablename__ = "stock"
    id: Mapped[int] = mapped_column(primary_key=True)
    left: Mapped[int]


SELL = update(Stock).values(left=Stock.left - 1)
engine = create_async_engine("sqlite+aiosqlite:///async.db")
plain = create_engine("sqlite:///plain.db", connect_args={"check_same_thread": False})
AsyncMaker = async_sessionmaker(engine, expire_on_commit=False)
app = FastAPI()
kept = set()


async def fill():
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with AsyncMaker() as session:
        session.add(Stock(id=1, left=10))
        await session.commit()
    Base.metadata.create_all(plain)
    with Session(plain) as session:
        session.add(Stock(id=1, left=10))
        session.commit()


async def get_db():
    async with AsyncMaker() as session:
        yield session


def get_plain():
    session = Session(plain)
    try:
        yield session
    finally:
        session.close()


async def later(db):
    await db.execute(SELL)
    await db.commit()


@app.post("/task")
async def task(db: AsyncSession = Depends(get_db)):
    await db.get(Stock, 1)
    kept.add(asyncio.create_task(later(db)))


@app.post("/instance")
async def instance(db: AsyncSession = Depends(get_db)):
    stock = await db.get(Stock, 1)

    async def touch():
        await asyncio.sleep(0)
        stock.left -= 1

    kept.add(asyncio.create_task(touch()))


@app.post("/stream")
async def stream():
    async with AsyncMaker() as session:
        await session.get(Stock, 1)

        async def body():
            yield str((await session.get(Stock, 1)).left)

        return StreamingResponse(body())


@app.post("/thread")
def thread(db: Session = Depends(get_plain)):
    db.get(Stock, 1)

    def work():
        db.execute(SELL)
        db.commit()

    threading.Thread(target=work).start()


async def own():
    async with AsyncMaker() as session:
        await session.execute(SELL)
        await session.commit()


@app.post("/mended")
async def mended(db: AsyncSession = Depends(get_db)):
    (await db.get(Stock, 1)).left
    kept.add(asyncio.create_task(own()))
"""
TESTS = """
import asyncio

import httpx
import pytest
from shop import app, engine, fill, kept
from starlette.testclient import TestClient


@pytest.fixture
async def client():
    await fill()
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as made:
        yield made
    await asyncio.gather(*kept, return_exceptions=True)
    kept.clear()
    await engine.dispose()


@pytest.mark.concurrent_sessions(workers=2)
@pytest.mark.parametrize("path", ["task", "instance", "stream", "mended"])
async def test_async(client, path):
    assert (await client.post(f"/{path}")).status_code == 200


@pytest.fixture
def plain_client():
    asyncio.run(fill())
    return TestClient(app)


@pytest.mark.concurrent_sessions(workers=2)
def test_thread(plain_client):
    assert plain_client.post("/thread").status_code == 200
"""


def test_what_outlives_its_request_is_found(suite):
    suite.ini("asyncio_mode = auto", "asyncio_default_fixture_loop_scope = function")
    suite.write(shop=SHOP, test_shop=TESTS)
    ran = suite.guard("-W", "ignore", "--sessionguard-schedules=20", plugins=("asyncio",))
    ran.outcomes(failed=4, passed=1)
    found = {(each["code"], each["location"]["function"]) for each in ran.report["findings"]}
    assert found == {
        ("SG305", "task"), ("SG305", "instance"), ("SG305", "stream"), ("SG305", "thread")
    }  # fmt: skip

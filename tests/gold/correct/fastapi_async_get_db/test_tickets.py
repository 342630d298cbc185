"""Async FastAPI with `async with SessionLocal()` in the dependency.

Suspicious: `AsyncSession.__aexit__` closes the session in a task of its own
(`asyncio.shield(create_task(close))`), so every single session is used by two tasks,
and many requests are under way on one loop and one thread.
Right: the closing task is SQLAlchemy's own and is awaited; each request has a session.
"""

import asyncio

import httpx
import pytest_asyncio
from app import Base, SessionLocal, app
from sqlalchemy.ext.asyncio import create_async_engine


@pytest_asyncio.fixture
async def client(tmp_path):
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'tickets.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    SessionLocal.configure(bind=engine)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
        yield client
    await engine.dispose()


async def test_sequential_requests(client):
    assert (await client.post("/tickets/leak")).json() == {"id": 1}
    assert (await client.get("/tickets/count")).json() == 1


async def test_requests_at_once(client):
    answers = await asyncio.gather(*(client.post(f"/tickets/t{n}") for n in range(4)))
    assert sorted(answer.json()["id"] for answer in answers) == [1, 2, 3, 4]
    assert (await client.get("/tickets/count")).json() == 4

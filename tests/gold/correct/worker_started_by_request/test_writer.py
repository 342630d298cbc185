"""A background worker with a Session of its own, which the first request starts.

Suspicious: the worker began inside a request, so its work is the request's; the request is
answered, and the Session still holds its connection when the test ends.
Right: the worker lives on, its transaction is open because it waits for more, and it ends it.
"""

import asyncio

import httpx
import pytest
from app import AsyncWriter, Base, Line, SessionLocal, Writer, fastapi_app, flask_app
from sqlalchemy import create_engine, func, select


@pytest.fixture(autouse=True)
def engine(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'lines.db'}")
    Base.metadata.create_all(engine)
    SessionLocal.configure(bind=engine)
    yield engine
    with SessionLocal() as session:
        assert session.scalar(select(func.count(Line.id))) == 4
    assert engine.pool.checkedout() == 0
    engine.dispose()


@pytest.fixture
def writer(engine):
    writer = Writer()
    yield writer
    writer.stop()


def test_thread(writer):
    client = flask_app(writer).test_client()
    assert [client.post(f"/{text}").status_code for text in "abcd"] == [201] * 4


@pytest.fixture
async def async_writer(engine):
    writer = AsyncWriter()
    yield writer
    writer.lines.put_nowait(None)
    await asyncio.wait_for(writer.task, 5)


async def test_task(async_writer):
    transport = httpx.ASGITransport(fastapi_app(async_writer))
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
        for text in "abcd":
            assert (await client.post(f"/{text}")).status_code == 200

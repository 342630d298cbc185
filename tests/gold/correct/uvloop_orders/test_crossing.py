"""A loop of uvloop's, which is imported by the tests, long after the guard.

Suspicious: pool threads use one Session in turn, and nothing that asyncio itself makes, no handle
and no callback, tells that one had finished before the next began.
Right: each hop is awaited before the next; the loop's handles are only another library's.
"""

import asyncio

import pytest
import uvloop
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session, sessionmaker


@pytest.fixture
def make_session(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'notes.db'}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE note (text VARCHAR)"))
    yield sessionmaker(engine)
    engine.dispose()


def write(session: Session, words: str) -> None:
    session.execute(text("INSERT INTO note VALUES (:words)"), {"words": words})


async def two_hops(make_session):
    session = make_session()
    await asyncio.to_thread(write, session, "one")
    await asyncio.to_thread(write, session, "two")
    await asyncio.to_thread(session.commit)
    await asyncio.to_thread(session.close)


async def child_tasks(make_session):
    await asyncio.create_task(two_hops(make_session))
    async with asyncio.TaskGroup() as group:
        group.create_task(two_hops(make_session))


@pytest.mark.parametrize("main", [two_hops, child_tasks])
def test_on_uvloop(make_session, main):
    uvloop.run(main(make_session))
    with make_session() as session:
        assert session.scalar(text("SELECT count(*) FROM note")) > 1

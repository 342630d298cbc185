"""Session events that open a second Session, or start a task, inside flush and commit.

Suspicious: an operation on a Session begins while another Session is in the middle of
its own flush, on the same strand; a task is born inside commit and runs while that
AsyncSession goes on.
Right: the listeners never touch the Session they are called for; they use one of
their own and close it. The engines have NullPool, so the second connection is never
waited for while the first is held, and the second Session only reads.
"""

import asyncio

import pytest
from app import Base, Setting, Upload, UploadSession, announce_commits
from sqlalchemy import NullPool, create_engine
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "uploads.db"
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    Base.metadata.create_all(engine)
    return path


def test_before_flush_reads_with_a_second_session(path):
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    with Session(engine) as session, session.begin():
        session.add(Setting(name="store", value="cloud"))
    with UploadSession(engine) as session:
        first, second = Upload(name="a"), Upload(name="b")
        for upload in (first, second):
            session.add(upload)
            session.flush()
        session.commit()
        assert (first.store, second.store) == ("cloud", "cloud")


async def test_after_commit_spawns_a_task(path):
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}", poolclass=NullPool)
    tasks, seen = [], []
    async with AsyncSession(engine) as session:
        announce_commits(session, async_sessionmaker(engine), tasks, seen)
        for name in "ab":
            session.add(Upload(name=name))
            await session.commit()
        await asyncio.gather(*tasks)
    assert len(seen) == 2 and max(seen) == 2
    await engine.dispose()

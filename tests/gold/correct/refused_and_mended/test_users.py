"""The app tries, SQLAlchemy refuses, and the app does it another way.

Suspicious: an instance is read after its Session was closed, or added to a second Session while
it is in a first, and the error is caught.
Right: the handler loads the same row anew, merges the instance, or takes it out of the first
Session and adds it again; nothing is lost.
"""

import app
import pytest
from app import Base, User
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import sessionmaker


@pytest.fixture
def make_session(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'users.db'}")
    Base.metadata.create_all(engine)
    yield sessionmaker(engine)
    engine.dispose()


@pytest.fixture
def detached(make_session):
    with make_session() as session:
        user = User(name="Ann")
        session.add(user)
        session.commit()
    return user


@pytest.mark.parametrize("how", [app.gotten, app.queried, app.queried_after, app.asked_deeper])
def test_loaded_anew(make_session, detached, how):
    with make_session() as session:
        assert how(session, detached, 1) == "Ann"


@pytest.mark.parametrize("how", [app.gotten, app.queried])
def test_there_already(make_session, detached, how):
    with make_session() as session:
        user = session.get(User, 1)
        assert how(session, detached, 1) == user.name


async def test_loaded_by_an_async_session(tmp_path, detached):
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'users.db'}")
    async with AsyncSession(engine) as session:
        assert await app.gotten_async(session, detached, 1) == "Ann"
    await engine.dispose()


@pytest.mark.parametrize("how", [app.rename_merged, app.rename_moved])
def test_refused(make_session, how):
    with make_session() as first, make_session() as second:
        user = User(name="Ann")
        first.add(user)
        first.commit()
        assert user.name == "Ann"
        first.commit()
        how(second, user, "Bob")
        assert second.get(User, 1).name == "Bob"

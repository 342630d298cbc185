import pytest
import pytest_asyncio
from app import Base, Line
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session


@pytest.fixture(scope="session")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("db") / "lines.db"
    engine = create_engine(f"sqlite:///{path}")
    Base.metadata.create_all(engine)
    engine.dispose()
    return path


@pytest.fixture(scope="class")
def session(path):
    engine = create_engine(f"sqlite:///{path}")
    with Session(engine) as session:
        yield session
    engine.dispose()


@pytest.fixture(scope="class")
def kept(session):
    line = Line(text="kept")
    session.add(line)
    session.commit()
    yield line
    session.delete(line)
    session.commit()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def async_session(path):
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}")
    async with AsyncSession(engine) as session:
        yield session
    await engine.dispose()

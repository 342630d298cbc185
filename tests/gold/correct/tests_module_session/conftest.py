import pytest
from app import Base, app, get_db
from sqlalchemy import StaticPool, create_engine
from sqlalchemy.orm import Session

engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
session = Session(engine)


def override_get_db():
    yield session


@pytest.fixture(autouse=True)
def database():
    Base.metadata.create_all(engine)
    app.dependency_overrides[get_db] = override_get_db
    yield
    app.dependency_overrides.clear()
    session.rollback()
    session.expunge_all()
    Base.metadata.drop_all(engine)


@pytest.fixture(autouse=True, scope="session")
def close_at_the_end():
    yield
    session.close()
    engine.dispose()

import pytest
from app import Base
from factories import Session
from sqlalchemy import create_engine


@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    engine = create_engine(f"sqlite:///{tmp_path_factory.mktemp('db') / 'books.db'}")
    Session.configure(bind=engine)
    yield engine
    engine.dispose()


@pytest.fixture(autouse=True)
def session(engine):
    Base.metadata.create_all(engine)
    yield Session
    Session.remove()
    Base.metadata.drop_all(engine)

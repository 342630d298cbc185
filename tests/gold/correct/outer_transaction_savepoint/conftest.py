import pytest
from app import Base
from sqlalchemy import create_engine, event
from sqlalchemy.orm import sessionmaker


@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    path = tmp_path_factory.mktemp("db") / "seats.db"
    engine = create_engine(f"sqlite:///{path}")

    # The documented recipe that makes SAVEPOINT work with sqlite3.
    @event.listens_for(engine, "connect")
    def no_implicit_begin(dbapi_connection, record):
        dbapi_connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def explicit_begin(connection):
        connection.exec_driver_sql("BEGIN")

    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def make_session(engine):
    with engine.connect() as connection:
        outer = connection.begin()
        yield sessionmaker(connection, join_transaction_mode="create_savepoint")
        outer.rollback()

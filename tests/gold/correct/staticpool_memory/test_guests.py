"""In-memory SQLite with StaticPool, the set-up that most FastAPI test suites have.

Suspicious: one DBAPI connection for everything; the test's Session and those of the
requests all use it, on the main thread and on pool threads.
Right: requests are sent one at a time, and the test has ended its own transaction
before each of them, so there is never more than one transaction on that connection.
(An advice such as "this pool hides concurrency" would be fair; a finding would not.)
"""

import pytest
from app import Base, Guest, SessionLocal, app
from fastapi.testclient import TestClient
from sqlalchemy import StaticPool, create_engine, select


@pytest.fixture(autouse=True)
def engine():
    engine = create_engine(
        "sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False}
    )
    Base.metadata.create_all(engine)
    SessionLocal.configure(bind=engine)
    yield engine
    engine.dispose()


def test_test_and_requests_take_turns():
    client = TestClient(app)
    with SessionLocal() as mine:
        mine.add(Guest(name="seed"))
        mine.commit()
        assert client.post("/guests/ann").json() == 2
        assert mine.scalars(select(Guest.name)).all() == ["seed", "ann"]
        mine.rollback()
        assert client.post("/guests/bob").json() == 3

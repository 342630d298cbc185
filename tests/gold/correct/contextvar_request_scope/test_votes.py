"""A module-level scoped_session under FastAPI, keyed by a context variable.

Suspicious: a global scoped_session together with sync endpoints: dependency, endpoint
and remove run on different pool threads and yet get the very same Session.
Right: the key is the number of the request, not the thread. Starlette copies the
context into its pool threads, the steps of one request are in order, and the
middleware removes the Session on every path.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from app import Base, Session, app, make_session
from fastapi.testclient import TestClient
from sqlalchemy import create_engine


@pytest.fixture(autouse=True)
def database(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'votes.db'}")
    Base.metadata.create_all(engine)
    make_session.configure(bind=engine)
    yield
    assert not Session.registry.registry
    engine.dispose()


def test_in_sequence():
    client = TestClient(app)
    assert [client.post("/votes/yes").json()["votes"] for _ in "abc"] == [1, 2, 3]


def test_at_once():
    with ThreadPoolExecutor(3) as pool:
        answers = pool.map(lambda c: TestClient(app).post(f"/votes/{c}"), "xyz")
        assert [answer.json() for answer in answers] == [{"votes": 1}] * 3

"""Sync FastAPI endpoints with the textbook `get_db`.

Suspicious: set-up of the dependency, endpoint and clean-up run on different threads
of anyio's pool, so one Session is touched by up to three threads and one pool thread
touches the Sessions of many requests.
Right: every request makes its own Session; the framework awaits each step before the
next, so the steps of one request never overlap.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from app import Base, SessionLocal, app
from fastapi.testclient import TestClient
from sqlalchemy import create_engine


@pytest.fixture(autouse=True)
def database(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'notes.db'}")
    Base.metadata.create_all(engine)
    SessionLocal.configure(bind=engine)
    yield
    engine.dispose()


def test_one_after_the_other():
    client = TestClient(app)
    for text in ("a", "b", "c"):
        assert client.post(f"/notes/{text}").json()["text"] == text
    assert client.get("/notes").json() == ["a", "b", "c"]


def test_several_clients_at_once():
    def send(text):
        return TestClient(app).post(f"/notes/{text}").status_code

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(send, "abcd")) == [200] * 4
    assert TestClient(app).get("/notes").json() == list("abcd")

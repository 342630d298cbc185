"""Middleware that replaces `wsgi.input`, or `scope["headers"]`, and may copy the dict they are in.

Suspicious: an inner application, with an input of its own, rolls back the scoped Session that the
middleware around it has used and uses again: like a request within a request.
Right: it is one request with one unit of work; the middleware only passes it on.
"""

import pytest
from app import Base, Session, SessionInState, SessionLocal, WholeBody, fastapi_app, flask_app
from fastapi.testclient import TestClient
from sqlalchemy import create_engine
from werkzeug.test import Client


@pytest.fixture(autouse=True)
def database(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'calls.db'}")
    Base.metadata.create_all(engine)
    SessionLocal.configure(bind=engine)
    yield
    assert not Session.registry.has()
    engine.dispose()


@pytest.mark.parametrize("copies", [False, True])
def test_around_flask(copies):
    client = Client(WholeBody(flask_app, copies))
    assert [client.post("/refuse").text for _ in range(2)] == ["0", "0"]


@pytest.mark.parametrize("copies", [False, True])
def test_inside_flask(copies, monkeypatch):
    monkeypatch.setattr(flask_app, "wsgi_app", WholeBody(flask_app.wsgi_app, copies))
    assert flask_app.test_client().post("/refuse").text == "0"


def test_around_fastapi():
    client = TestClient(SessionInState(fastapi_app))
    assert [client.post("/refuse").json() for _ in range(2)] == [0, 0]

"""An ASGI middleware of the outer app makes the Session; a mounted app uses it.

Suspicious: two applications handle one request and so look like two nested requests,
the inner one using the Session of the outer; middleware, endpoint, commit and close
are on different pool threads; the commit happens inside `send`.
Right: a mounted app gets the same request, not another one. There is one unit of work
with one Session, and every step is awaited before the next.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from app import Base, SessionLocal, outer
from fastapi.testclient import TestClient
from sqlalchemy import create_engine


@pytest.fixture(autouse=True)
def database(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'calls.db'}")
    Base.metadata.create_all(engine)
    SessionLocal.configure(bind=engine)
    yield
    assert engine.pool.checkedout() == 0
    engine.dispose()


def test_both_apps():
    client = TestClient(outer)
    assert client.post("/call/a").json() == 1
    assert client.post("/inner/call/b").json() == 2


def test_at_once():
    def send(path):
        return TestClient(outer).post(path).status_code

    with ThreadPoolExecutor(3) as pool:
        paths = ["/call/a", "/inner/call/b", "/inner/call/c"]
        assert list(pool.map(send, paths)) == [200] * 3

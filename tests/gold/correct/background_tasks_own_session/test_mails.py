"""A background task writes the row that its request has just made.

Suspicious: the task runs within the same request, on another pool thread, while the
request's Session may still be open; two Sessions of one worker write one row.
Right: the request has committed and so holds no connection and no lock; only the id
goes over; the task has its own Session. The pool has a single connection to prove it.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from app import Base, SessionLocal, app
from fastapi.testclient import TestClient
from sqlalchemy import create_engine


@pytest.fixture(autouse=True)
def database(tmp_path):
    url = f"sqlite:///{tmp_path / 'mails.db'}"
    engine = create_engine(url, pool_size=1, max_overflow=0, pool_timeout=5)
    Base.metadata.create_all(engine)
    SessionLocal.configure(bind=engine)
    yield
    assert engine.pool.checkedout() == 0
    engine.dispose()


def test_mail_is_sent():
    client = TestClient(app)
    made = client.post("/mails/ann").json()["id"]
    assert client.get(f"/mails/{made}").json() == {"receiver": "ann", "sent": True}


def test_requests_at_once():
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda name: TestClient(app).post(f"/mails/{name}"), "abc"))
    client = TestClient(app)
    assert all(client.get(f"/mails/{number}").json()["sent"] for number in (1, 2, 3))

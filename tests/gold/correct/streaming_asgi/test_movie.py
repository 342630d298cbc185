"""A StreamingResponse reads with the Session of the `yield` dependency.

Suspicious: the endpoint has returned; its Session is used afterwards, for each chunk
on whichever pool thread is free, and is closed on yet another one.
Right: since FastAPI 0.118 (needed here) the closing half of a `yield` dependency runs
after the response has been sent; the request is still on and its steps are in order.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from app import Base, Frame, SessionLocal, app
from fastapi.testclient import TestClient
from sqlalchemy import create_engine


@pytest.fixture
def engine(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'movie.db'}")
    Base.metadata.create_all(engine)
    SessionLocal.configure(bind=engine)
    with SessionLocal.begin() as session:
        session.add_all(Frame(text=f"<{n}>") for n in range(5))
    yield engine
    assert engine.pool.checkedout() == 0
    engine.dispose()


def watch(_=None):
    return TestClient(app).get("/movie").text


def test_one_viewer(engine):
    assert watch() == "<0><1><2><3><4>"


def test_three_viewers_at_once(engine):
    with ThreadPoolExecutor(3) as pool:
        assert set(pool.map(watch, range(3))) == {"<0><1><2><3><4>"}

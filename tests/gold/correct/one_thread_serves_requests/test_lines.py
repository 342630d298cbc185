"""A module-level Session that all requests use, each through a one-thread executor.

Suspicious: one Session, made at import, serves every request of every thread.
Right: only the executor's one thread touches it, one job after the other, and each job is a
whole transaction.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from app import Base, app, database, session
from sqlalchemy import create_engine


@pytest.fixture(autouse=True)
def engine(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'lines.db'}")
    Base.metadata.create_all(engine)
    session.bind = engine
    yield
    database.submit(session.close).result(5)
    engine.dispose()


def send(text):
    return app.test_client().post(f"/{text}").text


def test_one_after_the_other():
    assert [send("a"), send("b")] == ["1", "2"]


def test_at_once():
    with ThreadPoolExecutor(3) as clients:
        assert set(clients.map(send, "abc")) == {"1", "2", "3"}

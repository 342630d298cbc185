"""A repository, made at import and kept in a global, holds `self.session`.

Suspicious: one object with a `session` attribute serves all requests of all threads;
that attribute is what a Session published by mistake looks like.
Right: it is the scoped_session registry, not a Session. Each call goes to the Session
of the current thread, which is removed at the end of the request.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from app import Base, Session, app
from sqlalchemy import create_engine


@pytest.fixture(autouse=True)
def database(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'tasks.db'}")
    Base.metadata.create_all(engine)
    Session.configure(bind=engine)
    yield
    assert engine.pool.checkedout() == 0
    engine.dispose()


def send(owner):
    client = app.test_client()
    return client.post(f"/{owner}/buy").json, client.post(f"/{owner}/eat").json


def test_one_owner():
    assert send("ann") == (["buy"], ["buy", "eat"])


def test_owners_at_once():
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(send, "abc")) == [(["buy"], ["buy", "eat"])] * 3

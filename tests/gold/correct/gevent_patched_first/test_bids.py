"""scoped_session under gevent, with greenlets that switch in the middle of a request.

Suspicious: all requests run on one OS thread at the same time, and a thread-local
registry is what keeps their Sessions apart.
Right: conftest patches before anything imports SQLAlchemy, so the thread-local is
gevent's and each greenlet has a Session of its own; no greenlet switches while it
holds SQLite's write lock.
"""

import gevent
import pytest
from app import Base, Session, app
from sqlalchemy import create_engine


@pytest.fixture(autouse=True)
def database(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'bids.db'}")
    Base.metadata.create_all(engine)
    Session.configure(bind=engine)
    yield
    engine.dispose()


def send(bidder):
    return app.test_client().post(f"/bids/{bidder}").json


def test_four_requests_at_once():
    greenlets = [gevent.spawn(send, bidder) for bidder in "abcd"]
    gevent.joinall(greenlets, timeout=5, raise_error=True)
    assert [one.value for one in greenlets] == [{"before": 0, "after": 1}] * 4


def test_same_greenlet_again():
    assert send("ann") == {"before": 0, "after": 1}
    assert send("ann") == {"before": 1, "after": 2}

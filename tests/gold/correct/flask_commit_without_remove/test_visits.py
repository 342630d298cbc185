"""The scoped Session is never removed; the transaction ends with each request instead.

Suspicious: the second request is handed the Session of the first, still unclosed.
Right: every path out of a request commits or rolls back (the error handler makes a
response of each exception, so `after_request` always runs). That returns the
connection and expires or expunges all state, nothing is kept in `info`, and a thread
serves one request at a time. What stays is an empty, idle Session object for each
thread: untidy, not wrong.
"""

import pytest
from app import Base, Session, Visit, app
from sqlalchemy import create_engine, func, select
from sqlalchemy.orm import Session as PlainSession


@pytest.fixture
def engine(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'visits.db'}")
    Base.metadata.create_all(engine)
    Session.configure(bind=engine)
    yield engine
    Session.remove()
    engine.dispose()


def test_requests_one_after_the_other(engine):
    client = app.test_client()
    assert client.post("/visits/home").json == {"visits": 1}
    assert not Session().in_transaction()
    assert client.post("/visits/broken").status_code == 500
    assert not Session().in_transaction() and not Session().new
    assert client.post("/visits/about").json == {"visits": 2}
    assert engine.pool.checkedout() == 0
    with PlainSession(engine) as other:
        assert other.scalar(select(func.count(Visit.id))) == 2

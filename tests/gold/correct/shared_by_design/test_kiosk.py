"""A module-level Session serves all requests, and its owner says that this is meant.

Suspicious: the Session is made at import time and used by request after request
without a lock; in an ordinary server this would be the bug.
Right: the program is single-threaded by design, each handler ends its transaction, and
the Session is allowed by name: `session.info["sessionguard"] = "shared by design"`.
"""

import pytest
from app import Base, app, engine, session


@pytest.fixture(autouse=True)
def database():
    Base.metadata.create_all(engine)
    yield
    session.close()
    Base.metadata.drop_all(engine)
    engine.dispose()


def test_presses_are_counted():
    client = app.test_client()
    assert client.post("/press/red").json == {"total": 1}
    assert client.post("/press/red").json == {"total": 2}
    assert client.post("/press/blue").json == {"total": 1}
    assert client.get("/press/red").json == {"total": 2}


def test_new_client_same_session():
    assert app.test_client().get("/press/red").json == {"total": 0}
    assert app.test_client().post("/press/red").json == {"total": 1}

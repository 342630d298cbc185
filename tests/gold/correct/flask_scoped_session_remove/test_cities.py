"""Thread-local `scoped_session` at module level, removed at the end of each context.

Suspicious: a module-level "Session" object that all handlers use; a request that
flushes and then aborts; the same threads serve one request after another, so the same
scope key comes again with another request's work.
Right: the registry gives each thread its own Session, a WSGI request stays on its
thread, and the teardown function removes (and rolls back) on every path.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from app import Base, Session, app
from sqlalchemy import create_engine


@pytest.fixture(autouse=True)
def database(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'cities.db'}")
    Base.metadata.create_all(engine)
    Session.configure(bind=engine)
    yield
    engine.dispose()


def test_failed_request_leaves_nothing_behind():
    client = app.test_client()
    assert client.post("/cities/nowhere").status_code == 422
    assert not Session.registry.has()
    assert client.post("/cities/oslo").status_code == 201
    assert client.get("/cities").json == ["oslo"]


def test_two_threads_serve_six_requests():
    def send(name):
        return app.test_client().post(f"/cities/{name}").status_code

    with ThreadPoolExecutor(2) as pool:
        assert set(pool.map(send, "abcdef")) == {201}
    assert app.test_client().get("/cities").json == list("abcdef")

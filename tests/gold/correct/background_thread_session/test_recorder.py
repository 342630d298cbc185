"""A background thread owns a Session that is a global of the module.

Suspicious: a module-level Session, made at import by the main thread, used while
requests of other threads are under way, for work that requests ask for and wait for.
Right: no request ever touches it. The one thread that does has it to itself, and
strings go in and numbers come out through queues.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from app import app, engine, hits, start


@pytest.fixture(scope="module", autouse=True)
def recorder():
    thread = start()
    yield
    hits.put(None)
    thread.join()
    engine.dispose()


def test_requests_only_send_strings():
    client = app.test_client()
    for _ in range(3):
        assert client.get("/home").text == "home"
    assert client.get("/home/hits").json == {"hits": 4}


def test_requests_at_once():
    def ask(_):
        return app.test_client().get("/news/hits").json["hits"]

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(ask, range(6))) == [1, 2, 3, 4, 5, 6]

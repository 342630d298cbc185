"""A Session that is kept for the next request of its own thread, context or client.

Suspicious: a request makes a Session, the app keeps it, and later requests go on in it: what a
Session that serves everybody looks like.
Right: it is kept under a key that is worked out, by a thread or a context, or in one place that a
lock empties and fills. No two requests at once have the same one.
"""

import pytest
from app import KEPT, app, clear, engine


@pytest.fixture(autouse=True)
def database():
    clear()
    yield
    engine.dispose()


@pytest.mark.parametrize("way", KEPT)
def test_one_request_after_the_other(way):
    client = app.test_client()
    answers = [client.post(f"/{way}", headers={"x-client": "ann"}).json for _ in range(3)]
    assert [len(answer) for answer in answers] == [1, 2, 3]

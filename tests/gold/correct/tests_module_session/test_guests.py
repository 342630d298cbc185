"""The test suite (not the app) keeps one Session at module level of its conftest.

Suspicious: a Session that was made at import time serves every request of every test,
on many pool threads, with no lock; tests and helpers import it by name.
Right: it belongs to the tests. They send one request at a time, look at it only
between requests, and a fixture rolls back and empties it after each test. The app
itself makes a Session for each request.
"""

from app import Guest, app
from conftest import session
from fastapi.testclient import TestClient

client = TestClient(app)


def test_requests_and_test_share_it():
    session.add(Guest(name="seed"))
    session.commit()
    assert client.post("/guests/ann").json() == 2
    assert client.post("/guests/bob").json() == 3
    guests = session.query(Guest).order_by(Guest.id)
    assert [guest.name for guest in guests] == ["seed", "ann", "bob"]


def test_next_test_starts_empty():
    assert session.query(Guest).count() == 0
    assert client.post("/guests/eve").json() == 1

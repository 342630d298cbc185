"""The tests use the app's own scoped Session, and then send a request, which removes it."""

import threading

import pytest
from app import User, create_app, db_session


@pytest.fixture
def client(tmp_path):
    yield create_app(f"sqlite:///{tmp_path}/users.db").test_client()
    db_session.remove()


def sign_up(client):
    db_session.add(User(name="Ann"))
    db_session.commit()
    assert "Ann" in client.get("/users").json


def test_in_the_test_itself(client):
    sign_up(client)


def test_in_a_thread_of_the_test(client):
    thread = threading.Thread(target=sign_up, args=(client,))
    thread.start()
    thread.join()


@pytest.mark.concurrent_sessions(workers=2)
def test_in_workers(client):
    sign_up(client)


def test_in_called_workers(client, concurrently):
    concurrently(lambda: sign_up(client.application.test_client()), workers=2)

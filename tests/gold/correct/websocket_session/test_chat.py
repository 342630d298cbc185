"""A websocket keeps one AsyncSession for as long as the client stays.

Suspicious: a Session lives for minutes and serves many messages, other sockets and
their Sessions are open at the same time on the same loop, and it ends by an exception.
Right: a socket is one unit of work with a Session of its own; messages of one socket
are handled one after the other, each ends its transaction before it is answered, and
`async with` closes.

Before, not after: TestClient cancels the handler as soon as the client leaves, and it
leaves once it has its answer. A rollback after the answer can be cancelled half-way, and
then closing the aiosqlite connection may never end, with or without the guard.
"""

import pytest
from app import app
from fastapi.testclient import TestClient


@pytest.fixture
def client(tmp_path, monkeypatch):
    url = f"sqlite+aiosqlite:///{tmp_path / 'chat.db'}"
    monkeypatch.setenv("CHAT_DATABASE", url)
    with TestClient(app) as client:
        yield client


def say(socket):
    socket.send_text("hello")
    return socket.receive_json()


def test_two_sockets_take_turns(client):
    with client.websocket_connect("/rooms/a") as one:
        with client.websocket_connect("/rooms/b") as two:
            assert [say(one), say(two), say(one)] == [1, 1, 2]
        assert say(one) == 3


def test_both_at_once(client):
    with (
        client.websocket_connect("/rooms/a") as one,
        client.websocket_connect("/rooms/b") as two,
    ):
        for socket in (one, two):
            socket.send_text("at the same time")
        assert [one.receive_json(), two.receive_json()] == [1, 1]

"""Pools of Sessions from which requests borrow: queues of all kinds, a list and a lock.

Suspicious: Sessions made at import serve request after request; two requests that are both
under way use one Session, and the first goes on with it after the second.
Right: a request has the Session to itself from taking it out of the pool until it puts it
back, without a transaction; what serves the requests is the pool.
"""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from app import fastapi_app, flask_app

ALL = ["fifo", "lifo", "simple", "list", "own", "ranked"]


@pytest.mark.parametrize("pool", ALL)
def test_one_after_the_other(pool):
    client = flask_app().test_client()
    assert [client.post(f"/{pool}").status_code for _ in range(2)] == [200, 200]


@pytest.mark.parametrize("pool", ALL)
def test_at_once(pool):
    turn = threading.Barrier(2)
    app = flask_app(lambda: turn.wait(5))

    def send(_):
        return app.test_client().post(f"/{pool}").status_code

    with ThreadPoolExecutor(2) as clients:
        assert list(clients.map(send, range(2))) == [200, 200]


async def test_at_once_on_a_loop():
    transport = httpx.ASGITransport(fastapi_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
        answers = await asyncio.gather(*(client.post("/") for _ in range(3)))
    assert [answer.status_code for answer in answers] == [200] * 3

"""A handler that answers one request whole: whose work it is while it runs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pytest_sessionguard import events as ev
from pytest_sessionguard.observe import Frames, Recorder
from pytest_sessionguard.observe.loopback import Loopback
from pytest_sessionguard.observe.requests import Requests
from pytest_sessionguard.observe.roles import Roles


def raise_it(error):
    raise error


class Handler:
    """Knows the request, as Tornado's do."""

    def __init__(self, requests, path="/users"):
        self.path = path
        self.requests = requests

    def answer(self):
        return self.requests.recorder.who()[1].label

    async def answer_later(self):
        await asyncio.sleep(0)
        return self.answer()


@pytest.fixture
def requests():
    recorder = Recorder(Frames(Roles(Path(__file__).parent)), raise_it)
    recorder.start("test")
    return Requests(recorder, Loopback(recorder))


def arrived(handler, arguments):
    return f"GET {handler.path}", handler, None


def events(requests, kind):
    return [event for event in requests.recorder.trace.events if isinstance(event, kind)]


def test_a_handler_runs_as_its_request(requests):
    answer = requests.wrap_handler(arrived)(Handler.answer)
    assert answer(Handler(requests)) == "GET /users"
    [ended] = events(requests, ev.WorkerEnded)
    assert ended.worker in {began.worker for began in events(requests, ev.WorkerBegan)}
    assert requests.recorder.who()[1].kind == "test"


def test_so_does_one_that_awaits(requests):
    answer = requests.wrap_handler(arrived)(Handler.answer_later)
    assert asyncio.run(answer(Handler(requests))) == "GET /users"
    assert len(events(requests, ev.WorkerEnded)) == 1


def test_a_handler_that_calls_itself_again_for_one_request_is_one_request(requests):
    class Outer(Handler):
        def answer(self):
            return inner(self)

    inner = requests.wrap_handler(arrived)(Handler.answer)
    outer = requests.wrap_handler(arrived)(Outer.answer)
    assert outer(Outer(requests)) == "GET /users"
    assert len(events(requests, ev.WorkerEnded)) == 1


def test_a_handler_that_fails_ends_its_request(requests):
    class Failing(Handler):
        def answer(self):
            self.requests.recorder.who()
            raise KeyError(self.path)

    answer = requests.wrap_handler(arrived)(Failing.answer)
    with pytest.raises(KeyError):
        answer(Failing(requests))
    assert len(events(requests, ev.WorkerEnded)) == 1

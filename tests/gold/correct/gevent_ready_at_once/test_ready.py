"""gevent's queues, events, results and semaphores that are ready when they are asked.

Suspicious: one Session goes from one living greenlet to another, and nobody waits for anybody:
the item is in the queue already, the event is set, so no switch shows the order.
Right: it was put or set after the giver's last use, and taken or seen before the taker's first.
"""

from contextlib import contextmanager

import gevent
import pytest
from app import count, write
from gevent import queue
from gevent.event import AsyncResult, Event
from gevent.lock import Semaphore


@contextmanager
def done_and_lingering(work):
    """A greenlet that has done its work when the block begins, and lives until it ends."""
    leave = Event()
    greenlet = gevent.spawn(lambda: (work(), leave.wait(5)))
    gevent.sleep(0.02)
    yield
    leave.set()
    greenlet.join()


@pytest.mark.parametrize(
    "kind", [queue.Queue, queue.SimpleQueue, queue.LifoQueue, queue.PriorityQueue]
)
def test_queue(session, kind):
    items = kind()
    with done_and_lingering(lambda: (write(session, "other"), items.put((1, session)))):
        assert isinstance(items, kind)
        assert count(items.get(timeout=5)[1]) == 1


def test_iterated_queue(session):
    items = queue.Queue()
    with done_and_lingering(
        lambda: (write(session, "other"), items.put_nowait(session), items.put(StopIteration))
    ):
        assert [count(each) for each in items] == [1]


def test_joined_queue(session):
    items = queue.JoinableQueue()
    items.put(session)
    with done_and_lingering(lambda: (write(items.get(), "other"), items.task_done())):
        items.join()
        assert count(session) == 1


@pytest.mark.parametrize(
    "ask", [lambda e: e.wait(5), lambda e: e.is_set(), lambda e: e.ready(), lambda e: gevent.wait([e])]
)
def test_event(session, ask):
    ready = Event()
    with done_and_lingering(lambda: (write(session, "other"), ready.set())):
        assert ask(ready)
        assert count(session) == 1


@pytest.mark.parametrize(
    "ask",
    [
        lambda r: r.get(timeout=5),
        lambda r: r.get_nowait(),
        lambda r: r.wait(5),
        lambda r: r.ready(),
        lambda r: r.successful(),
        lambda r: r.value,
        lambda r: gevent.wait([r]),
    ],
)
def test_result(session, ask):
    result = AsyncResult()
    with done_and_lingering(lambda: (write(session, "other"), result.set(session))):
        assert ask(result)
        assert count(session) == 1


def test_failed_result(session):
    result = AsyncResult()
    with done_and_lingering(
        lambda: (write(session, "other"), result.set_exception(ValueError("no")))
    ):
        with pytest.raises(ValueError, match="no"):
            result.get()
        assert count(session) == 1


def test_semaphore(session):
    baton = Semaphore(0)
    with done_and_lingering(lambda: (write(session, "other"), baton.release())):
        assert baton.acquire(timeout=5)
        assert count(session) == 1

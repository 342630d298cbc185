"""One Session goes from greenlet to greenlet: spawn, join, get, Pool, Queue, Event.

Suspicious: two greenlets, one Session, one transaction; `join` and `get` on a greenlet
that is already dead return without a switch; some givers stay alive.
Right: whoever gave the Session away does not touch it until it comes back.
"""

import gevent
from app import count, write
from gevent.event import AsyncResult, Event
from gevent.pool import Pool
from gevent.queue import Queue


def slow_write(session, text):
    gevent.sleep(0.001)
    write(session, text)
    gevent.sleep(0)
    return session


def test_join_and_get(session):
    write(session, "parent")
    gevent.spawn(slow_write, session, "one").join(5)
    assert count(session) == 2
    assert count(gevent.spawn(slow_write, session, "two").get(timeout=5)) == 3


def test_join_of_dead_greenlets(session):
    greenlet = gevent.spawn(slow_write, session, "child")
    while not greenlet.dead:
        gevent.sleep(0.001)
    greenlet.join()
    gevent.joinall([greenlet])
    assert greenlet.get() is session and count(session) == 1


def test_pool_with_a_session_each(make_session):
    sessions = [make_session() for _ in range(3)]
    assert Pool(2).map(count, sessions) == [0, 0, 0]
    for session in sessions:
        assert count(session) == 0
        session.close()


def test_queue(session):
    inbox, outbox = Queue(), Queue()
    worker = gevent.spawn(
        lambda: [outbox.put(slow_write(one, "queue")) for one in iter(inbox.get, None)]
    )
    for expected in (1, 2):
        inbox.put(session)
        assert count(outbox.get(timeout=5)) == expected
    inbox.put(None)
    worker.join()


def test_event_and_result(session):
    ready, again, leave, result = Event(), Event(), Event(), AsyncResult()

    def worker():
        slow_write(session, "first")
        ready.set()
        again.wait(5)
        result.set(slow_write(session, "second"))
        leave.wait(5)

    greenlet = gevent.spawn(worker)
    assert ready.wait(5) and count(session) == 1
    again.set()
    assert count(result.get(timeout=5)) == 2
    assert not greenlet.dead
    leave.set()
    greenlet.join()

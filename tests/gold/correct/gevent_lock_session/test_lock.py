"""Greenlets share one Session behind a lock that gevent knows.

Suspicious: six greenlets use one Session; they switch while it has a transaction open.
Right: each holds the lock from the first to the last use, commit and result included.
Done with gevent's own BoundedSemaphore and RLock and with the patched threading.Lock.
"""

import threading

import gevent
import pytest
from app import count, write
from gevent.lock import BoundedSemaphore, RLock


class Counter:
    def __init__(self, session, lock):
        self._session, self._lock = session, lock

    def add(self, text):
        gevent.sleep(0)
        with self._lock:
            write(self._session, text)
            gevent.sleep(0.001)
            self._session.commit()
            return self.total()

    def total(self):
        return count(self._session)


class LockedTotal(Counter):
    def total(self):
        with self._lock:
            return super().total()


@pytest.mark.parametrize("make_lock", [BoundedSemaphore, RLock, threading.Lock])
def test_greenlets_take_turns(session, make_lock):
    counter = Counter(session, make_lock())
    greenlets = [gevent.spawn(counter.add, text) for text in "abcdef"]
    gevent.joinall(greenlets, timeout=5, raise_error=True)
    assert sorted(one.value for one in greenlets) == [1, 2, 3, 4, 5, 6]


def test_reentrant(session):
    counter = LockedTotal(session, RLock())
    greenlets = [gevent.spawn(counter.add, text) for text in "abc"]
    greenlets.append(gevent.spawn(counter.total))
    gevent.joinall(greenlets, timeout=5, raise_error=True)
    assert counter.total() == 3

"""One Session for the whole process, used by four threads, under a lock.

Suspicious: threads that nothing orders use, flush and commit one shared Session.
Right: every use, the commit and the reading of the result included, happens with the
same lock held; only plain values leave the block. Done with Lock, RLock (re-entered
by a helper), Semaphore(1) and Condition.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from app import Line, count, write
from sqlalchemy import select


class Ledger:
    def __init__(self, session, lock):
        self._session = session
        self._lock = lock

    def append(self, text):
        with self._lock:
            write(self._session, text)
            self._session.commit()
            return count(self._session)

    def texts(self):
        with self._lock:
            return [line.text for line in self._session.scalars(select(Line))]


class ReentrantLedger(Ledger):
    def append_twice(self, text):
        with self._lock:
            self.append(text)
            return self.append(text)


@pytest.mark.parametrize(
    "make_lock",
    [threading.Lock, threading.RLock, threading.Semaphore, threading.Condition],
)
def test_threads_append_and_read(session, make_lock):
    ledger = Ledger(session, make_lock())
    with ThreadPoolExecutor(4) as pool:
        totals = list(pool.map(ledger.append, "abcdefgh"))
        sizes = list(pool.map(lambda _: len(ledger.texts()), range(4)))
    assert sorted(totals) == list(range(1, 9)) and sizes == [8] * 4


def test_reentrant(session):
    ledger = ReentrantLedger(session, threading.RLock())
    with ThreadPoolExecutor(3) as pool:
        totals = list(pool.map(ledger.append_twice, "abc"))
    assert sorted(totals) == [2, 4, 6]

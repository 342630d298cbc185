"""A home-made pool of Sessions: a queue from which threads borrow.

Suspicious: the same two Session objects are used by four threads all day long, are
never closed between borrowers, and five jobs run at once.
Right: who takes a Session out of the queue has it alone until it is put back, and it
goes back only after commit or rollback, so with no transaction and no pending state.
"""

import queue
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from app import count, write


class SessionPool:
    def __init__(self, make_session, size):
        self._idle = queue.LifoQueue()
        for _ in range(size):
            self._idle.put(make_session())

    @contextmanager
    def borrow(self):
        session = self._idle.get(timeout=5)
        try:
            yield session
            session.commit()
        except BaseException:
            session.rollback()
            raise
        finally:
            self._idle.put(session)

    def close(self):
        while not self._idle.empty():
            self._idle.get().close()


@pytest.fixture
def sessions(make_session):
    pool = SessionPool(make_session, 2)
    yield pool
    pool.close()


def job(sessions, number):
    with sessions.borrow() as session:
        write(session, f"job {number}")
        if number == 3:
            raise ValueError(number)


def test_more_threads_than_sessions(sessions):
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(job, sessions, number) for number in range(5)]
    assert [type(one.exception()) for one in jobs].count(ValueError) == 1
    with sessions.borrow() as session:
        assert count(session) == 4

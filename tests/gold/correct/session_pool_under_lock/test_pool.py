"""Home-made pools of Sessions, a list or a deque and a plain lock; and a lock as a baton.

Suspicious: the same Session is used by one thread after another, the lock is held by none of
them while it works, and releasing and taking a lock orders nothing by itself. A baton is taken
in one thread and released in another.
Right: a thread has the Session to itself between the section in which it takes it out of the
list and the one in which it puts it back. Who waits for the baton goes on when the other is done.
"""

import collections
import threading
from contextlib import contextmanager

import pytest
from app import count, write


class SessionPool:
    def __init__(self, make_session, kind, size):
        self._lock = threading.Lock()
        self._idle = kind(make_session() for _ in range(size))

    def take(self):
        while True:
            with self._lock:
                if self._idle:
                    return self._idle.pop()

    def give(self, session):
        with self._lock:
            session.rollback()
            self._idle.append(session)

    @contextmanager
    def borrow(self):
        session = self.take()
        try:
            yield session
            session.commit()
        finally:
            self.give(session)

    def close(self):
        with self._lock:
            for session in self._idle:
                session.close()


@pytest.mark.parametrize("kind", [list, collections.deque])
def test_threads_take_turns(make_session, kind):
    sessions, start = SessionPool(make_session, kind, 2), threading.Barrier(3)

    def work(name):
        start.wait(5)
        for number in range(4):
            with sessions.borrow() as session:
                write(session, f"{name} {number}")

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with sessions.borrow() as session:
        assert count(session) == 12
    sessions.close()


def test_nobody_ends(make_session):
    sessions, leave = SessionPool(make_session, list, 1), threading.Event()
    written = [threading.Semaphore(0) for _ in "abc"]

    def work(name, done):
        with sessions.borrow() as session:
            write(session, name)
        done.release()
        leave.wait(5)

    threads = [threading.Thread(target=work, args=pair) for pair in zip("abc", written)]
    for thread in threads:
        thread.start()
    for done in written:
        assert done.acquire(timeout=5)
    with sessions.borrow() as session:
        assert count(session) == 3
    leave.set()
    for thread in threads:
        thread.join()
    sessions.close()


@contextmanager
def lingering_thread(target):
    leave = threading.Event()
    thread = threading.Thread(target=lambda: (target(), leave.wait(5)))
    thread.start()
    yield
    leave.set()
    thread.join()


def test_lock_as_baton(session):
    baton = threading.Lock()
    baton.acquire()
    with lingering_thread(lambda: (write(session, "other"), baton.release())):
        assert baton.acquire(timeout=5)
        assert count(session) == 1
    baton.release()


def test_two_batons(session):
    mine, yours = threading.Lock(), threading.Lock()
    mine.acquire()
    yours.acquire()

    def other():
        for number in range(3):
            yours.acquire(timeout=5)
            write(session, f"other {number}")
            mine.release()

    with lingering_thread(other):
        for number in range(3):
            write(session, f"me {number}")
            yours.release()
            assert mine.acquire(timeout=5)
        assert count(session) == 6

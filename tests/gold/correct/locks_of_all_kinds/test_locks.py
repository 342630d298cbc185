"""One Session, several threads, and a lock that is none of `threading`'s.

Suspicious: several threads write through one Session, and the lock they hold was made by
`_thread`, by multiprocessing, by filelock or by wrapt, not by this code.
Right: each of them holds it while it uses the Session, for a whole transaction.
"""

import _thread
import multiprocessing
import threading

import pytest
from app import count, write


def two_threads(work):
    start = threading.Barrier(2)
    threads = [threading.Thread(target=lambda: (start.wait(5), work())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def write_under(lock, session):
    def work():
        for _ in range(3):
            with lock:
                write(session, "a line")
                session.commit()

    two_threads(work)
    assert count(session) == 6


@pytest.mark.parametrize("make", [multiprocessing.Lock, multiprocessing.RLock])
def test_multiprocessing(session, make):
    write_under(make(), session)


def test_taken_by_hand(session):
    lock = multiprocessing.Lock()

    def work():
        assert lock.acquire(timeout=5)
        try:
            write(session, "a line")
            session.commit()
        finally:
            lock.release()

    two_threads(work)
    assert count(session) == 2


def test_plain_lock(session):
    write_under(_thread.allocate_lock(), session)


def test_condition_around_one(session):
    write_under(threading.Condition(_thread.allocate_lock()), session)


def test_filelock(session, tmp_path):
    filelock = pytest.importorskip("filelock")
    write_under(filelock.FileLock(tmp_path / "lines.lock"), session)


def test_two_filelocks_for_one_file(session, tmp_path):
    filelock = pytest.importorskip("filelock")

    def work():
        with filelock.FileLock(str(tmp_path / "lines.lock")):
            write(session, "a line")
            session.commit()

    two_threads(work)
    assert count(session) == 2


def test_wrapt(session):
    wrapt = pytest.importorskip("wrapt")

    @wrapt.synchronized
    def work():
        write(session, "a line")
        session.commit()

    two_threads(work)
    assert count(session) == 2

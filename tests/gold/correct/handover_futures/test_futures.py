"""Executor jobs use Sessions that the submitting thread made and uses again.

Suspicious: Sessions made on one thread are used on pool threads and then, still in a
transaction, on the first one again; a done-callback closes them on whichever thread
happens to run it.
Right: submit orders the job, and result / wait / as_completed / map / callback order
what comes after it. No two jobs share a Session.
"""

import threading
from concurrent import futures
from multiprocessing.pool import ThreadPool

import pytest
from app import count, write


@pytest.fixture
def pool():
    with futures.ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.fixture
def sessions(make_session):
    sessions = [make_session() for _ in range(3)]
    yield sessions
    for session in sessions:
        session.close()


def test_result(pool, session):
    for expected in (1, 2, 3):
        pool.submit(write, session, "job").result(5)
        assert count(session) == expected


def test_exception_is_a_hand_over_too(pool, session):
    write(session, "mine")
    failed = pool.submit(lambda: session.add("not an instance"))
    assert "not mapped" in str(failed.exception(5))
    assert count(session) == 1


def test_executor_map(pool, sessions):
    assert list(pool.map(count, sessions)) == [0, 0, 0]
    assert [count(session) for session in sessions] == [0, 0, 0]


def test_wait_and_as_completed(pool, sessions):
    done, _ = futures.wait([pool.submit(count, one) for one in sessions], 5)
    assert len(done) == 3 and count(sessions[0]) == 0
    jobs = {pool.submit(count, one): one for one in sessions}
    assert [count(jobs[job]) for job in futures.as_completed(jobs, 5)] == [0, 0, 0]


def test_thread_pool_map(sessions):
    with ThreadPool(2) as pool:
        assert pool.map(count, sessions) == [0, 0, 0]
        assert pool.apply_async(count, (sessions[0],)).get(5) == 0
        assert count(sessions[0]) == 0


def test_done_callback_closes(pool, make_session):
    session, closed = make_session(), threading.Event()
    job = pool.submit(write, session, "job")
    job.add_done_callback(lambda job: (session.close(), closed.set()))
    assert closed.wait(5) and not session.in_transaction()

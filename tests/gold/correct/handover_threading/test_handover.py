"""One Session goes to a thread and back: join, Timer, Event, Condition, Semaphore.

Suspicious: two threads use one Session with a transaction open, several times, and in
most of the tests the other thread is still alive when the first one goes on.
Right: each hand-over is ordered by the primitive; nobody touches what it gave away.
"""

import threading
from contextlib import contextmanager

from app import count, write


@contextmanager
def lingering_thread(target):
    """A thread that does its work and then stays alive until the block ends."""
    leave = threading.Event()
    thread = threading.Thread(target=lambda: (target(), leave.wait(5)))
    thread.start()
    yield
    leave.set()
    thread.join()


def test_join(session):
    write(session, "mine")
    thread = threading.Thread(target=write, args=(session, "other"))
    thread.start()
    thread.join()
    assert count(session) == 2


def test_timer(session):
    timer = threading.Timer(0.01, write, (session, "later"))
    timer.start()
    timer.join()
    assert count(session) == 1


def test_event(session):
    done = threading.Event()
    with lingering_thread(lambda: (write(session, "other"), done.set())):
        assert done.wait(5)
        assert count(session) == 1


def test_semaphore_as_baton(session):
    baton = threading.Semaphore(0)
    with lingering_thread(lambda: (write(session, "other"), baton.release())):
        assert baton.acquire(timeout=5)
        assert count(session) == 1


def test_condition_takes_turns(session):
    turn, state = threading.Condition(), {"next": "other"}

    def play(me, you):
        for number in range(2):
            with turn:
                assert turn.wait_for(lambda: state["next"] == me, 5)
            write(session, f"{me} {number}")
            with turn:
                state["next"] = you
                turn.notify_all()

    with lingering_thread(lambda: play("other", "main")):
        play("main", "other")
    assert count(session) == 4

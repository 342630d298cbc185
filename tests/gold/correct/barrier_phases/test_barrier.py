"""Three threads share one Session; a Barrier separates the phases.

Suspicious: three concurrent threads, one Session, one open transaction, no lock, no
queue, no join between the uses.
Right: in phase n only thread n touches the Session, and no thread enters the next
phase before all have left this one.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

from app import Line, count, write
from sqlalchemy import select


def test_each_phase_has_one_user(session):
    barrier = threading.Barrier(3, timeout=5)

    def work(me):
        seen = None
        for phase in range(3):
            if phase == me:
                write(session, f"thread {me}")
                seen = count(session)
            barrier.wait()
        return seen

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(work, range(3))) == [1, 2, 3]
    assert count(session) == 3


def test_barrier_action_commits(session, make_session):
    barrier = threading.Barrier(2, action=session.commit, timeout=5)

    def first():
        write(session, "first")
        barrier.wait()

    def second():
        barrier.wait()
        with make_session() as own:
            return own.scalars(select(Line.text)).all()

    with ThreadPoolExecutor(2) as pool:
        pool.submit(first)
        assert pool.submit(second).result() == ["first"]

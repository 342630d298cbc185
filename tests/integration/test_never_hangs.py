"""Every wait has a deadline: what does not come to an end is a report that names who and where."""

from __future__ import annotations

import pytest

PROGRAM = """
import threading
import time

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

engine = create_engine("sqlite:///x.db")
never, lock, other = threading.Event(), threading.Lock(), threading.Lock()


def query():
    with Session(engine) as session:
        return session.connection().exec_driver_sql("SELECT 1").scalar()


{body}


def test_afterwards():
    assert query() == 1
    assert threading.current_thread() is threading.main_thread()
"""

WAITS_FOR_EVER = """
@pytest.mark.concurrent_sessions(workers=2, timeout=1)
def test_it():
    query()
    never.wait()  # here
"""
BLOCKS_IN_C = """
@pytest.mark.concurrent_sessions(workers=2, timeout=1)
def test_it():
    query()
    time.sleep(3600)  # here
"""
COMPUTES_FOR_EVER = """
@pytest.mark.concurrent_sessions(workers=2, timeout=1)
def test_it():
    query()
    while True:  # here
        pass
"""
WAIT_FOR_EACH_OTHER = """
def one():
    with lock:
        query()
        with other:  # here
            query()


def two():
    with other:
        query()
        with lock:
            query()


@pytest.mark.concurrent_sessions(timeout=1)
def test_it(concurrently):
    concurrently(one, two)
"""
HELD_BY_A_PARKED_WORKER = """
from _thread import allocate_lock

plain = allocate_lock()  # not one the guard knows


def test_it(concurrently):
    def work():
        query()
        with plain:
            query()
        query()

    concurrently(work, workers=2)
"""
STUCK = [WAITS_FOR_EVER, BLOCKS_IN_C, COMPUTES_FOR_EVER, WAIT_FOR_EACH_OTHER]


@pytest.mark.parametrize("body", STUCK, ids=["event", "C", "loop", "locks"])
def test_workers_that_do_not_come_to_an_end_are_named(suite, body):
    suite.ini("addopts = -p no:randomly")
    if body == WAIT_FOR_EACH_OTHER:
        body = body.replace("@pytest.mark.concurrent_sessions(timeout=1)\n", "")
    suite.write(test_program=PROGRAM.format(body=body))
    ran = suite.guard("--sessionguard-schedules=30")
    ran.outcomes(failed=1, passed=1)
    line = suite.line_of("test_program", "# here")
    assert "the workers do not come to an end" in ran.text
    assert "worker 0" in ran.text
    assert any(f"test_program.py:{near}" in ran.text for near in (line, line + 1)), ran.text
    assert "INTERNALERROR" not in ran.text


def test_a_lock_that_a_parked_worker_holds_lets_the_other_go_on(suite):
    suite.write(test_program=PROGRAM.format(body=HELD_BY_A_PARKED_WORKER))
    ran = suite.guard("--sessionguard-schedules=12", "--sessionguard-strategy=random")
    ran.outcomes(passed=2)
    assert ran.report["searches"][0]["executions"] >= 9


A_THREAD_BEGINS = """
def test_it(concurrently):
    lock = threading.Thread(target=query)._started._cond._lock
    assert type(lock) is type(threading._allocate_lock())
"""


def test_a_thread_that_begins_waits_for_nobody(suite):
    """Whoever starts it waits in earnest, and may hold that lock just then."""
    suite.write(test_program=PROGRAM.format(body=A_THREAD_BEGINS))
    suite.guard().outcomes(passed=2)


GEVENT = """
from gevent import monkey

monkey.patch_all()
import gevent
from gevent.monkey import get_original
"""
GREENLET_IN_C = """
@pytest.mark.concurrent_sessions(workers=2, backend="gevent", timeout=1)
def test_it():
    query()
    get_original("time", "sleep")(3600)  # here
"""
GREENLET_WAITS_FOR_EVER = """
@pytest.mark.concurrent_sessions(workers=2, backend="gevent", timeout=1)
def test_it():
    query()
    gevent.event.Event().wait()  # here
"""
GREENLET_SLEEPS = """
@pytest.mark.concurrent_sessions(workers=2, backend="gevent", schedules=6, strategy="random")
def test_it():
    query()
    gevent.sleep(0.2)
    query()
"""


@pytest.mark.parametrize("body", [GREENLET_IN_C, GREENLET_WAITS_FOR_EVER], ids=["C", "event"])
def test_greenlets_that_do_not_come_to_an_end_are_named(suite, body):
    suite.write(test_program=GEVENT + PROGRAM.format(body=body))
    ran = suite.guard("-W", "ignore::Warning")
    ran.outcomes(failed=1, passed=1)
    line = suite.line_of("test_program", "# here")
    assert f"worker 0: test_program.py:{line}" in ran.text


def test_a_greenlet_that_only_sleeps_is_waited_for(suite):
    suite.write(test_program=GEVENT + PROGRAM.format(body=GREENLET_SLEEPS))
    ran = suite.guard("-W", "ignore::Warning")
    ran.outcomes(passed=2)
    assert ran.report["searches"][0]["executions"] == 6

"""A test that somebody ends while its workers run: it is said, and the next test finds all as it was."""

from __future__ import annotations

import pytest

PROGRAM = """
{first}
import gc
import signal
import sys
import threading
import time

import pytest
from pytest_sessionguard.backends.watchdog import SIGNAL
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

engine = create_engine("sqlite://", poolclass=StaticPool)
handled = threading._allocate_lock, threading.Condition.wait, threading.Thread.join


def query():
    with Session(engine) as session:
        return session.scalar(text("SELECT 1"))


@pytest.fixture
def alarm():
    def ring(number, frame):
        pytest.fail("the time is over")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.concurrent_sessions(workers=2, timeout=60)
def test_it(alarm):
    query()
    {body}


def test_afterwards():
    assert gc.isenabled()
    assert signal.getsignal(SIGNAL) is signal.SIG_DFL
    assert type(engine.pool) is StaticPool
    assert handled == (threading._allocate_lock, threading.Condition.wait, threading.Thread.join)
    assert query() == 1


@pytest.mark.concurrent_sessions(workers=2, schedules=5)
def test_and_again():
    assert query() == 1
"""
PATCHED = "from gevent import monkey\nmonkey.patch_all()"
ALARM, GIVEN_UP, EXIT = "the time is over", "do not come to an end", "SystemExit: 3"
CASES = [
    ("", "time.sleep(3600)", ALARM),
    ("", "while True: pass", ALARM),
    ("", "threading.Event().wait()", GIVEN_UP),  # nobody could set it: that is known at once
    ("", "sys.exit(3)", EXIT),
    (PATCHED, "time.sleep(3600)", ALARM),
    (PATCHED, "threading.Event().wait()", ALARM),
    (PATCHED, "while True: pass", GIVEN_UP),  # the alarm ends one worker, the watchdog the other
    (PATCHED, "sys.exit(3)", EXIT),
]


@pytest.mark.parametrize(("first", "body", "said"), CASES)
def test_the_next_test_finds_everything_as_it_was(suite, first, body, said):
    program = PROGRAM.replace("{first}", first).replace("{body}", body)
    if (first, said) == (PATCHED, GIVEN_UP):
        program = program.replace("timeout=60", "timeout=1")
    suite.write(test_program=program)
    ran = suite.guard("-W", "ignore")
    ran.outcomes(failed=1, passed=2)
    assert said in ran.text
    assert "INTERNALERROR" not in ran.text

"""SG301 for a lock: made before the patch it is native, and a greenlet that waits stops the hub."""

from __future__ import annotations

import pytest

PROGRAM = """
import threading
{before}
lock = {made}  # mend
{after}
import gevent
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

engine = create_engine("sqlite:///x.db")
counted = []


def query():
    with lock, Session(engine) as session:
        return session.connection().exec_driver_sql("SELECT 1").scalar()


def count():
    with lock:
        counted.append(1)
    with Session(engine) as session:
        return session.connection().exec_driver_sql("SELECT 1").scalar()


def test_in_the_main_greenlet():
    assert query() == 1


def test_in_greenlets():
    jobs = [gevent.spawn({work}) for _ in range(2)]
    gevent.joinall(jobs)
    assert [job.value for job in jobs] == [1, 1]
"""
PATCH = "from gevent import monkey\nmonkey.patch_all()"
NATIVE = "monkey.get_original('threading', 'Lock')()"


def run(suite, before="", after="", made="threading.Lock()", work="query"):
    program = PROGRAM.format(before=before, after=after, made=made, work=work)
    suite.write(test_lock=program)
    return suite.guard("-W", "ignore::Warning")


@pytest.mark.parametrize("made", ["threading.Lock()", "threading.RLock()"])
def test_a_lock_made_before_the_patch_is_told_where_it_guards_a_session(suite, made):
    ran = run(suite, after=PATCH, made=made)
    ran.outcomes(passed=1, failed=1)
    [found] = ran.report["findings"]
    line = suite.line_of("test_lock", "# mend")
    assert (found["code"], found["location"]["line"]) == ("SG301", line)


@pytest.mark.parametrize(
    "given",
    [
        {"before": PATCH},
        {"before": PATCH, "made": NATIVE},
        {"after": PATCH, "work": "count"},
        {"after": "from gevent import monkey\nmonkey.patch_all(thread=False)"},
    ],
    ids=["patched_first", "native_on_purpose", "guards_no_session", "threads_not_patched"],
)
def test_a_lock_that_cannot_stop_a_session_is_silent(suite, given):
    ran = run(suite, **given)
    ran.outcomes(passed=2)
    assert ran.codes == []

"""SG301 for a pool: its queue waits with native locks, and stops the hub."""

from __future__ import annotations

import pytest

PROGRAM = """
{before}
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

engine = create_engine("sqlite:///x.db"{options})  # mend
{after}
import gevent


def query():
    with Session(engine) as session:
        return session.connection().exec_driver_sql("SELECT 1").scalar()


def test_in_the_main_greenlet():
    assert query() == 1


def test_in_greenlets():
    jobs = [gevent.spawn(query) for _ in range(2)]
    gevent.joinall(jobs)
    assert [job.value for job in jobs] == [1, 1]
"""
PATCH = "from gevent import monkey\nmonkey.patch_all()"


def run(suite, before="", after="", options=""):
    suite.write(test_pool=PROGRAM.format(before=before, after=after, options=options))
    return suite.guard("-W", "ignore::Warning")


def test_a_pool_built_before_the_patch_is_told_where_greenlets_use_it(suite):
    ran = run(suite, after=PATCH)
    ran.outcomes(passed=1, failed=1)
    [found] = ran.report["findings"]
    line = suite.line_of("test_pool", "# mend")
    assert (found["code"], found["location"]["line"]) == ("SG301", line)


@pytest.mark.parametrize(
    "given",
    [
        {"before": PATCH},
        {"after": PATCH, "options": ", poolclass=NullPool"},
        {"after": PATCH, "options": ", max_overflow=-1"},
        {"after": "from gevent import monkey\nmonkey.patch_all(thread=False)"},
    ],
    ids=["patched_first", "no_pool", "no_limit", "threads_not_patched"],
)
def test_a_pool_that_cannot_stop_the_hub_is_silent(suite, given):
    ran = run(suite, **given)
    ran.outcomes(passed=2)
    assert ran.codes == []

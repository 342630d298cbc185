"""SG901 schedule-dependent-failure: the test's own assertion fails in some order only."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from pytest_sessionguard import events as ev
from pytest_sessionguard.findings import Finding, Related, Rule, Side, finding
from pytest_sessionguard.rules.blame import who
from pytest_sessionguard.trace import Trace

Doer = Callable[[Trace, ev.Statement], int]
"""Who did a statement: two that one did are no meeting."""


class Meeting(NamedTuple):
    """Two workers' statements on one table, at least one of them a write; the last such pair.

    ``read`` is where the second worker had read that table, before it wrote.
    """

    first: ev.Statement
    second: ev.Statement
    table: str
    read: ev.Statement | None = None


def check(trace: Trace) -> Iterable[Finding]:
    """A body that passes when its workers run one after the other, and failed in this order."""
    for failed in trace.of(ev.BodyFailed):
        met = None
        if failed.passes_serially:
            met = last_meeting(trace) or last_meeting(trace, _strand)
        if met is not None:
            yield _finding(trace, failed, met)


def _worker(trace: Trace, statement: ev.Statement) -> int:
    return _part(trace, statement.worker)


def _strand(trace: Trace, statement: ev.Statement) -> int:
    """For two children of one worker."""
    return statement.strand


def last_meeting(trace: Trace, doer: Doer = _worker) -> Meeting | None:
    """The last write after an own read that meets another worker's write: both were decided on what
    was read. Else the last write that meets any statement of another's; else the last read.

    A read that follows the last write only looks at the damage.
    """
    statements = [each for each in trace.of(ev.Statement) if each.stack]
    places = range(len(statements) - 1, 0, -1)
    for at in places:
        met = _after_a_read(trace, statements[:at], statements[at], doer)
        if met is not None:
            return met
    for at in sorted(places, key=lambda at: not statements[at].writes):
        met = _meeting(trace, statements[:at], statements[at], doer)
        if met is not None:
            return met
    return None


def _after_a_read(
    trace: Trace, earlier: list[ev.Statement], second: ev.Statement, doer: Doer
) -> Meeting | None:
    if not second.writes:
        return None
    met = _meeting(trace, [each for each in earlier if each.writes], second, doer)
    if met is None:
        return None
    own = doer(trace, second)
    for read in reversed(earlier):
        mine = not read.writes and doer(trace, read) == own
        if mine and met.table in read.tables:
            return met._replace(read=read)
    return None


def _meeting(
    trace: Trace, earlier: list[ev.Statement], second: ev.Statement, doer: Doer
) -> Meeting | None:
    for first in reversed(earlier):
        common = set(first.tables).intersection(second.tables)
        other = doer(trace, first) != doer(trace, second)
        if common and other and (first.writes or second.writes):
            return Meeting(first, second, min(common))
    return None


def _part(trace: Trace, worker: int) -> int:
    """The worker that a request, or whatever it started, belongs to."""
    began = trace.workers.get(worker)
    while began is not None and began.parent is not None and not trace.is_test(began.parent):
        worker = began.parent
        began = trace.workers.get(worker)
    return worker


def _finding(trace: Trace, failed: ev.BodyFailed, met: Meeting) -> Finding:
    sides = tuple(
        Side(who(trace, each.strand, each.worker), f"{each.verb} on {met.table}", each.stack)
        for each in (met.first, met.second)
    )
    message = (
        f"the test passes when its workers run one after the other, and fails where two of them "
        f"meet on the table {met.table}"
    )
    related = []
    if met.read is not None:
        what = f"{sides[1].worker} had read {met.table} here, before it wrote"
        related.append(Related(what, met.read.stack[0]))
    if failed.site is not None:
        related.append(Related(f"{failed.error} here", failed.site))
    return finding(RULE, message, met.second.stack[0], sides, related)


RULE = Rule(
    code="SG901",
    name="schedule-dependent-failure",
    says="the test's own assertion fails in some order only",
    why=(
        "No Session is shared, and still two workers got in each other's way: what one had read was "
        "out of date when it wrote, or both saw that something was missing and both made it. Run one "
        "after the other they are right. In production nobody runs them one after the other."
    ),
    fix=(
        "Let the database decide in one statement (UPDATE ... SET n = n - 1 WHERE n > 0, a unique "
        "constraint), lock what you read (with_for_update()), or count versions (version_id_col) and "
        "try again when one has lost."
    ),
    check=check,
)

"""Question 1: which operations on one Session are not ordered, and protected by no common lock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from pytest_sessionguard.clocks import is_ordered
from pytest_sessionguard.rules.handovers import Passed, passing_locks
from pytest_sessionguard.rules.leases import TAKING_AWAY
from pytest_sessionguard.trace import NOT_ENDED, Trace, Use


class Conflict(NamedTuple):
    """Two operations on a session by different strands that nothing orders.

    ``overlapping``: the second began while the first was still running.
    """

    session: int
    first: Use
    second: Use
    overlapping: bool


def conflicts(trace: Trace) -> dict[int, list[Conflict]]:
    """Session -> its conflicts; for two strands the first one, and the first overlapping one."""
    return trace.derive(_conflicts)


def _conflicts(trace: Trace) -> dict[int, list[Conflict]]:
    found = {}
    for session, uses in trace.uses.items():
        made = trace.sessions.get(session)
        if made is not None and made.shared_by_design:
            continue
        if len({use.began.strand for use in uses}) > 1:
            own = _own_thread(trace, session)
            of_session = list(_of_session(session, uses, own))
            if of_session and not _is_handed_over(trace, session, uses, own):
                found[session] = of_session
    return found


def _is_handed_over(trace: Trace, session: int, uses: list[Use], own: int | None) -> bool:
    """Whether a lock under which the session is put down and picked up explains every pair."""
    return any(
        next(_of_session(session, uses, own, passed), None) is None
        for passed in passing_locks(trace, uses)
    )


def _own_thread(trace: Trace, session: int) -> int | None:
    """The thread that made and keeps a session of its own, and uses it in all of its jobs.

    Only that thread works with it, one job after the other, and nobody was given it: a pool thread's
    thread-local session. Another one may tidy it up, like `close_all_sessions()` after a test: its
    own order is judged, the one of the jobs is certain.
    """
    made = trace.sessions.get(session)
    if made is None or not made.thread:
        return None
    uses = trace.uses[session]
    working = (use.began for use in uses if use.began.action not in TAKING_AWAY)
    if any(began.thread != made.thread for began in working):
        return None
    handed = any((use.began.strand, session) in trace.handed for use in uses)
    return None if handed else made.thread


def _of_session(
    session: int, uses: list[Use], own: int | None, passed: Passed | None = None
) -> Iterator[Conflict]:
    by_strand: dict[int, list[Use]] = defaultdict(list)
    reported: set[tuple[int, int, bool]] = set()
    for second in uses:
        strand = second.began.strand
        for other, earlier in by_strand.items():
            if other == strand or second.began.thread == earlier[-1].began.thread == own:
                continue
            for overlapping in (True, False):
                pair = (min(other, strand), max(other, strand), overlapping)
                if pair in reported:
                    continue
                first = _unordered(earlier, second, overlapping, passed)
                if first is not None:
                    reported.add(pair)
                    yield Conflict(session, first, second, overlapping)
        by_strand[strand].append(second)


def _unordered(
    earlier: list[Use], second: Use, overlapping: bool, passed: Passed | None
) -> Use | None:
    """The latest of one strand's uses that conflicts with ``second``; later ones come last."""
    for first in reversed(earlier):
        running = first.tick == NOT_ENDED or first.ended_at > second.at
        if not running and is_ordered(first.began.strand, first.tick, second.began.seen):
            return None
        if passed is not None and not running and passed(first, second):
            return None
        if running is overlapping and not first.began.locks & second.began.locks:
            return first
    return None

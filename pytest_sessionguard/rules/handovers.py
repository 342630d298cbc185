"""Hand-overs under a lock: a pool of sessions that is a list and a lock.

A release and a later acquire of the same lock order nothing by themselves; that would hide every
race of two workers that also count or log under some lock. They are a hand-over of one session
when they explain its whole history: each time another strand goes on with it, the last one had
since released the lock and the next one had since taken it; nobody works with the session while
holding the lock, except to tidy it up; and it is the same lock every time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from pytest_sessionguard import events as ev
from pytest_sessionguard.trace import NOT_ENDED, Trace, Use

Passed = Callable[[Use, Use], bool]
Takings = list[tuple[int, Mapping[int, int]]]

_TIDYING = frozenset({"close", "reset", "invalidate", "rollback", "commit", "expunge_all"})


def passing_locks(trace: Trace, uses: list[Use]) -> Iterator[Passed]:
    """For each lock that may have handed this session on, whether it did between two uses."""
    for lock, taken in trace.derive(_takings).items():
        if not any(_works_under(lock, use) for use in uses):
            yield partial(_passed, taken)


def _works_under(lock: int, use: Use) -> bool:
    return lock in use.began.locks and use.began.action not in _TIDYING


def _takings(trace: Trace) -> dict[int, dict[int, Takings]]:
    """Lock -> strand (or request) -> when it took the lock, and what had been done by then."""
    found: dict[int, dict[int, Takings]] = defaultdict(lambda: defaultdict(list))
    for at, event in enumerate(trace.events):
        if isinstance(event, ev.LockTaken):
            found[event.lock][event.strand].append((at, event.released))
            if trace.kind_of(event.worker) == "request":  # it hops from strand to strand
                found[event.lock][event.worker].append((at, event.released))
    return found


def _passed(taken: Mapping[int, Takings], first: Use, second: Use) -> bool:
    """Whether the second strand took the lock after the first had released it, and before its use."""
    if first.tick == NOT_ENDED:
        return False
    return any(
        first.ended_at < at < second.at and released.get(first.began.strand, 0) >= first.tick
        for who in (second.began.strand, second.began.worker)
        for at, released in taken.get(who, ())
    )

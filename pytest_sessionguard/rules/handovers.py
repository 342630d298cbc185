"""Hand-overs under a lock: a pool of sessions that is a list and a lock.

A release and a later acquire of the same lock order nothing by themselves; that would hide every
race of two workers that also count or log under some lock. They are a hand-over of one session
when they explain its whole history: each time another strand goes on with it, the last one had
since released the lock and the next one had since taken it; nobody works with the session while
holding the lock, except to tidy it up; and it is the same lock every time.

Requests that a test sends one after the other run on one strand, and nothing is unordered there.
That they borrow a session shows in what they take it from, and in where it lies afterwards.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import pairwise

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


def is_pooled(trace: Trace, session: int) -> bool:
    """Whether requests borrow this session: from a queue, or from a list under a lock.

    What lies in a list may never have been taken out of it, so each request must have taken one
    lock before its first use and after its last. So it must for a session that is no more.
    """
    uses = [
        use
        for use in trace.uses.get(session, ())
        if trace.kind_of(use.began.worker) == "request" and use.began.action not in _TIDYING
    ]
    borrowed = trace.derive(_borrowings).get(session, {})
    if uses and _taken_each_time(uses, borrowed):
        return True
    kinds = {event.kind for event in trace.of(ev.Resting) if event.session == session}
    if "queue" in kinds or not (kinds or session in trace.lasting):
        return "queue" in kinds
    for taken in trace.derive(_takings).values():
        places = {worker: [at for at, _ in each] for worker, each in taken.items()}
        if _taken_each_time(uses, places) and _given_back(uses, places):
            return True
    return False


def _borrowings(trace: Trace) -> dict[int, dict[int, list[int]]]:
    """Session -> worker -> when it took the session out of a queue."""
    found: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for at, event in enumerate(trace.events):
        if isinstance(event, ev.Borrowed):
            found[event.session][event.worker].append(at)
    return found


def _taken_each_time(uses: list[Use], taken: Mapping[int, list[int]]) -> bool:
    """Whether each worker took it since another had used it."""
    ended, worker = 0, None
    for use in uses:
        if use.began.worker != worker:
            worker = use.began.worker
            if not any(ended <= at < use.at for at in taken.get(worker, ())):
                return False
        ended = use.ended_at
    return True


def _given_back(uses: list[Use], taken: Mapping[int, list[int]]) -> bool:
    """Whether each worker came back to the lock before another went on, and at last."""
    for use, following in pairwise([*uses, None]):
        assert use is not None
        if following is None or following.began.worker != use.began.worker:
            before = following.at if following is not None else sys.maxsize
            if not any(use.ended_at < at < before for at in taken.get(use.began.worker, ())):
                return False
    return True

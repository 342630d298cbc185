"""Question 2: whose unit of work a session belongs to.

A lease runs from a worker's first use of a session to its close, reset or remove; commit and
rollback do not end it. A lease that the test began makes no request guilty.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pytest_sessionguard import events as ev
from pytest_sessionguard.rules.handovers import is_pooled
from pytest_sessionguard.trace import Trace, Use

ENDINGS = frozenset({"close", "reset", "invalidate"})
TAKING_AWAY = ENDINGS | {"rollback", "expunge_all"}


class Crossing(NamedTuple):
    """One worker's use of a session, and the operation by which another met it."""

    session: int
    use: Use
    end: Use


def registry_of(trace: Trace, session: int) -> ev.RegistryMade | None:
    """The registry that made a session, if one did and it is not the test's own."""
    made = trace.sessions.get(session)
    if made is None or made.registry is None:
        return None
    registry = trace.registries.get(made.registry)
    return registry if registry is not None and registry.origin != "test" else None


def ancestors(trace: Trace, worker: int) -> list[int]:
    """The workers that ``worker`` runs in, innermost first."""
    found = []
    began = trace.workers.get(worker)
    while began is not None and began.parent is not None:
        found.append(began.parent)
        began = trace.workers.get(began.parent)
    return found


def leases(trace: Trace, session: int) -> Iterator[list[Use]]:
    """The uses of a session, cut after each ending."""
    lease: list[Use] = []
    for use in trace.uses.get(session, ()):
        if use.began.action in ENDINGS and not lease:
            continue
        lease.append(use)
        if use.began.action in ENDINGS:
            yield lease
            lease = []
    if lease:
        yield lease


def ended_by_nested(trace: Trace) -> Iterator[Crossing]:
    """An inner worker ends, rolls back or empties what a living outer one uses."""
    for session, made in trace.sessions.items():
        if made.shared_by_design:
            continue
        for lease in leases(trace, session):
            for use in lease:
                if use.began.action not in TAKING_AWAY:
                    continue
                outer = _living_outer_use(trace, lease, use)
                if outer is not None:
                    yield Crossing(session, outer, use)
                    break


def _living_outer_use(trace: Trace, lease: list[Use], end: Use) -> Use | None:
    around = ancestors(trace, end.began.worker)
    for use in lease:
        worker = use.began.worker
        if use.at >= end.at:
            return None
        if (
            worker in around
            and _has_own_scope(trace, worker)
            and not trace.ended_before(worker, end.at)
        ):
            return use
    return None


def _has_own_scope(trace: Trace, worker: int) -> bool:
    """Neither the test or a thread of its, nor a request in its context: there it owns the scope."""
    began = trace.workers.get(worker)
    if began is None or began.kind == "test" or began.inside_test_context:
        return False
    return began.site is None or began.site.role != "test"


def handed_on(trace: Trace) -> Iterator[Crossing]:
    """A request is handed the lease of an ended request, which left state in it."""
    for session, made in trace.sessions.items():
        if made.shared_by_design or made.origin == "test":
            continue
        for lease in leases(trace, session):
            crossing = _first_handover(trace, session, lease)
            if crossing is not None:
                yield crossing
                break


def _first_handover(trace: Trace, session: int, lease: list[Use]) -> Crossing | None:
    owner = lease[0].began.worker
    if not _is_free_request(trace, owner):
        return None
    last = lease[0]
    for use in lease:
        worker = use.began.worker
        if worker == owner:
            last = use
        elif _is_free_request(trace, worker) and trace.ended_before(owner, use.at):
            return Crossing(session, last, use) if use.began.action not in ENDINGS else None
    return None


def interleaved(trace: Trace) -> Iterator[Crossing]:
    """Two living requests in one lease: whatever ordered them here, nothing does in production.

    Certain only when it was no hand-over: the first goes on with the session afterwards, or the
    second ends what the first still has.
    """
    for session, made in trace.sessions.items():
        if made.shared_by_design or made.origin == "test" or is_pooled(trace, session):
            continue
        for lease in leases(trace, session):
            crossing = _first_interleaving(trace, session, lease)
            if crossing is not None:
                yield crossing
                break


def _first_interleaving(trace: Trace, session: int, lease: list[Use]) -> Crossing | None:
    owner = lease[0].began.worker
    if not _is_free_request(trace, owner):
        return None
    for use in lease:
        worker = use.began.worker
        if (
            worker == owner
            or not _is_free_request(trace, worker)
            or trace.ended_before(owner, use.at)
        ):
            continue
        if owner in ancestors(trace, worker) or worker in ancestors(trace, owner):
            continue
        before = [each for each in lease if each.began.worker == owner and each.at < use.at]
        after = [each for each in lease if each.began.worker == owner and each.at > use.at]
        ends_it = any(e.began.worker == worker and e.began.action in ENDINGS for e in lease)
        locked = any(each.began.locks & use.began.locks for each in before)
        if before and not locked and (after or ends_it):
            return Crossing(session, before[-1], use)
    return None


def _is_free_request(trace: Trace, worker: int) -> bool:
    """A request whose scope is its own, not the surrounding context's of the test."""
    began = trace.workers.get(worker)
    return began is not None and began.kind == "request" and not began.inside_test_context


def left_state(crossing: Crossing) -> bool:
    """Whether the first worker left a transaction or unwritten changes behind."""
    return bool(crossing.use.state)


def too_coarse(trace: Trace, crossing: Crossing) -> bool:
    """Whether the key could not tell the two requests apart even if both had cleaned up.

    The thread's or greenlet's own key does, as long as that serves one request at a time; on an
    event loop one thread serves them all. Any other key is the user's own: two requests had the
    same one.
    """
    keys = {lookup.key for lookup in trace.lookups.get(crossing.session, ())}
    if "other" in keys:
        return True
    strands = [trace.strands.get(use.began.strand) for use in (crossing.use, crossing.end)]
    on_loop = all(strand is not None and strand.kind in ("task", "callback") for strand in strands)
    return "thread" in keys and on_loop and left_state(crossing)


def looked_up_by_both(trace: Trace, crossing: Crossing) -> bool:
    """Whether both workers got the session from a registry."""
    workers = {lookup.worker for lookup in trace.lookups.get(crossing.session, ())}
    return {crossing.use.began.worker, crossing.end.began.worker} <= workers

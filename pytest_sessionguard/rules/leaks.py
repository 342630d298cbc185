"""Connections that a request took and that nobody gave back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pytest_sessionguard import events as ev
from pytest_sessionguard.rules.conflicts import conflicts
from pytest_sessionguard.rules.leases import ENDINGS, registry_of
from pytest_sessionguard.trace import Trace


class Leak(NamedTuple):
    """The checkout that was never returned, and the registry whose Session it was, if any."""

    out: ev.CheckedOut
    session: int
    registry: ev.RegistryMade | None
    collected: bool


def leaks(trace: Trace) -> list[Leak]:
    """Connections taken in a request by its own Session and still out when the test's body ended.

    What only the garbage collector returned was not returned: when that happens is chance.
    """
    return trace.derive(_leaks)


def _leaks(trace: Trace) -> list[Leak]:
    body_ended = next(
        (at for at, event in enumerate(trace.events) if isinstance(event, ev.BodyEnded)), None
    )
    if body_ended is None:
        return []
    back: dict[int, ev.CheckedIn] = {}
    for event in trace.events[:body_ended]:
        if isinstance(event, ev.CheckedIn):
            back[event.connection] = event
    found = []
    for out in trace.of(ev.CheckedOut):
        returned = back.get(out.connection)
        if (returned is None or returned.by_collector) and _is_judged(trace, out, body_ended):
            found.append(_leak(trace, out, returned is not None))
    return found


def left_to_the_loop(trace: Trace) -> Iterator[tuple[ev.Abandoned, ev.CheckedOut]]:
    """Connections that were out when their request ended, since nobody closed the generator.

    ``async for session in get_db(): yield session`` closes ``get_db()`` when it comes to its end. When
    an exception leaves the request, it drops it; the loop ends it later, or never.
    """
    dropped = {event.session: event for event in trace.of(ev.Abandoned) if event.by_generator}
    if not dropped:
        return
    held: dict[int, ev.CheckedOut] = {}
    for event in trace.events:
        if isinstance(event, ev.CheckedOut) and event.session in dropped:
            held[event.connection] = event
        elif isinstance(event, ev.CheckedIn):
            held.pop(event.connection, None)
        elif isinstance(event, ev.WorkerEnded):
            for out in held.values():
                if out.worker == event.worker and _is_requests(trace, out):
                    assert out.session is not None  # it is one of those that were dropped
                    yield dropped[out.session], out


def _is_requests(trace: Trace, out: ev.CheckedOut) -> bool:
    """Whether a request of its own took it, from a pool that can run out."""
    pool, worker = trace.pools.get(out.pool), trace.workers.get(out.worker)
    if pool is None or pool.shared or worker is None or worker.kind != "request":
        return False
    made = trace.sessions.get(out.session) if out.session is not None else None
    if made is None or made.origin == "test" or made.shared_by_design:
        return False
    return not worker.inside_test_context and bool(out.stack)


def _leak(trace: Trace, out: ev.CheckedOut, collected: bool) -> Leak:
    assert out.session is not None  # judged ones have one
    return Leak(out, out.session, registry_of(trace, out.session), collected)


def _is_judged(trace: Trace, out: ev.CheckedOut, body_ended: int) -> bool:
    if not _is_requests(trace, out):
        return False
    assert out.session is not None  # a request's is known
    made = trace.sessions[out.session]
    if any(event.session == out.session for event in trace.of(ev.OwnerReturned)):
        return False  # revived after its end, which is SG305's to tell
    if _was_removed(trace, out):
        return False  # kept beyond its registry: SG305's, too
    if out.session in trace.abandoned:
        return False  # the loop ends its generator, be it after the test's body
    if _is_end_refused(trace, out.session):
        return False
    users = {use.began.worker for use in trace.uses.get(out.session, ())}
    requests = [worker for worker in users if trace.kind_of(worker) == "request"]
    if made.registry is None and len(requests) > 1:
        return False  # several requests go on with it: shared, or never removed
    own = made.worker == out.worker or made.registry is not None
    return (
        own and trace.ended_before(out.worker, body_ended) and not _lives_on(trace, out, body_ended)
    )


def _was_removed(trace: Trace, out: ev.CheckedOut) -> bool:
    """Whether a request had removed the session from its registry before it took the connection."""
    removed = [
        event
        for event in trace.of(ev.Removed)
        if event.session == out.session and not trace.is_test(event.worker)
    ]
    return bool(removed) and trace.events.index(removed[0]) < trace.events.index(out)


def _is_end_refused(trace: Trace, session: int) -> bool:
    """Whether somebody was in the session when it was to be closed: SG102 tells that."""
    return any(
        conflict.overlapping
        and ENDINGS & {conflict.first.began.action, conflict.second.began.action}
        for conflict in conflicts(trace).get(session, ())
    )


def _lives_on(trace: Trace, out: ev.CheckedOut, body_ended: int) -> bool:
    """Whether what took the connection was started by the request and goes on without it.

    A background worker that the first request starts; the connection is its own for as long.
    """
    ended = trace.derive(_strand_ends)
    return any(
        began.worker == out.worker
        and began.kind in ("thread", "task", "greenlet", "job")
        and ended.get(began.strand, body_ended) >= body_ended
        for began in trace.chain(out.strand)
    )


def _strand_ends(trace: Trace) -> dict[int, int]:
    return {e.strand: at for at, e in enumerate(trace.events) if isinstance(e, ev.StrandEnded)}

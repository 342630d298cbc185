"""SG402 pool-exhausted, its hold-and-wait: a worker takes a second connection while it holds one."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_sessionguard import events as ev
from pytest_sessionguard.clocks import is_ordered
from pytest_sessionguard.findings import Finding, Rule, Side, finding
from pytest_sessionguard.rules.blame import who
from pytest_sessionguard.trace import Trace


def check(trace: Trace) -> Iterable[Finding]:
    """Two Sessions of one worker, one after the other, out of one bounded pool."""
    held: dict[int, ev.CheckedOut] = {}
    for event in trace.events:
        if isinstance(event, ev.CheckedIn):
            held.pop(event.connection, None)
        elif isinstance(event, ev.CheckedOut) and _is_judged(trace, event):
            first = next(
                (out for out in held.values() if _waits_for_itself(trace, out, event)), None
            )
            if first is not None:
                yield _finding(trace, first, event)
            held[event.connection] = event


def _is_judged(trace: Trace, out: ev.CheckedOut) -> bool:
    pool = trace.pools.get(out.pool)
    if pool is None or pool.limit is None or pool.shared or trace.kind_of(out.worker) != "request":
        return False
    made = trace.sessions.get(out.session) if out.session is not None else None
    if made is None or made.origin == "test" or not out.stack:
        return False
    return made.worker == out.worker or made.registry is not None


def _waits_for_itself(trace: Trace, first: ev.CheckedOut, second: ev.CheckedOut) -> bool:
    """Whether one unit of work wants the second connection while it keeps the first.

    A request hops over pool threads between its dependencies and its endpoint; those strands no
    code of the user's started. Work that it did start may end before the second is needed.
    """
    if first.pool != second.pool or first.worker != second.worker:
        return False
    if first.session == second.session:
        return False
    if first.strand == second.strand:
        return True
    ordered = is_ordered(first.strand, first.tick, second.seen)
    return ordered and not any(_is_started(trace, out.strand) for out in (first, second))


def _is_started(trace: Trace, strand: int) -> bool:
    began = trace.strands.get(strand)
    return began is not None and bool(began.spawned)


def _finding(trace: Trace, first: ev.CheckedOut, second: ev.CheckedOut) -> Finding:
    pool = trace.pools[second.pool]
    name = who(trace, second.strand, second.worker)
    message = (
        f"{name} takes a second connection while it holds one: {pool.limit} such requests at once "
        f"wait for each other for ever ({pool.kind} of {pool.limit})"
    )
    sides = (
        Side(name, "holds a connection", first.stack),
        Side(name, "waits for a second one", second.stack),
    )
    return finding(RULE, message, second.stack[0], sides, (), (first.session, second.session))


RULE = Rule(
    code="SG402",
    name="pool-exhausted",
    says="takes a second connection from a bounded pool while it holds one",
    why=(
        "Each unit of work keeps its first connection while it waits for the second. When as many of "
        "them run as the pool has connections, every one waits for the others: after 30 seconds "
        "'QueuePool limit of size 5 overflow 10 reached', in requests that did nothing wrong."
    ),
    fix=(
        "Use one Session for the whole unit of work and pass it on, or commit (which returns the "
        "connection) before the second Session is used."
    ),
    check=check,
)

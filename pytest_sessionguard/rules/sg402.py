"""SG402 pool-exhausted: nobody can get a connection; or a worker takes a second one while it holds one.

The second is hold-and-wait: it is told although the pool has sufficed this time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pytest_sessionguard import events as ev
from pytest_sessionguard.clocks import is_ordered
from pytest_sessionguard.findings import Finding, Rule, Side, finding
from pytest_sessionguard.rules.blame import who
from pytest_sessionguard.rules.stuck import closing, sentence, sides, stuck
from pytest_sessionguard.trace import Trace


def check(trace: Trace) -> Iterable[Finding]:
    """Workers that wait for a pool for ever; and two connections for one unit of work."""
    yield from _exhausted(trace)
    yield from _second_ones(trace)
    yield from _could_exhaust(trace)


def _exhausted(trace: Trace) -> Iterable[Finding]:
    for knot in stuck(trace):
        site = closing(knot)
        if site is not None and any(each.kind == "pool" for each in knot.waiting):
            yield finding(RULE, _message(trace, knot), site, sides(trace, knot))


def _message(trace: Trace, knot: ev.Stuck) -> str:
    waiting = {each.worker for each in knot.waiting}
    holding = {held.worker for each in knot.waiting for held in each.held}
    if waiting != holding or any(each.kind != "pool" for each in knot.waiting):
        return f"nobody can get a connection: {sentence(trace, knot)}"
    names = [who(trace, each.strand, each.worker) for each in knot.waiting]
    verbs = ("hold connections", "wait") if len(names) > 1 else ("holds a connection", "waits")
    return f"{' and '.join(names)} {verbs[0]} and {verbs[1]} for {knot.waiting[0].what}"


def _second_ones(trace: Trace) -> Iterable[Finding]:
    """Two Sessions of one request, one after the other, out of one bounded pool."""
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
    code of the user's started. Work that it did start may end before the second is needed; its
    background tasks come when it is answered.
    """
    if first.pool != second.pool or first.worker != second.worker:
        return False
    if first.session == second.session:
        return False
    if first.strand == second.strand:
        return True
    ordered = is_ordered(first.strand, first.tick, second.seen)
    return ordered and not any(_is_started(trace, out) for out in (first, second))


def _is_started(trace: Trace, out: ev.CheckedOut) -> bool:
    """Whether the connection was taken in work that the request's own code set up."""
    return any(began.spawned and began.worker == out.worker for began in trace.chain(out.strand))


# -- the workers of a test -------------------------------------------------------------------


class Grip(NamedTuple):
    """A worker took ``second`` while it held ``first``, and ``kept`` connections in all."""

    first: ev.CheckedOut
    second: ev.CheckedOut
    kept: int


def _could_exhaust(trace: Trace) -> Iterable[Finding]:
    """As many workers at once as this test has would wait for each other for ever, in some order."""
    parts = {event.worker: event.part for event in trace.of(ev.TakesTurns)}
    grips: dict[tuple[int, int], list[Grip]] = {}
    for grip in _grips(trace, parts):
        grips.setdefault((parts[grip.second.worker], grip.second.pool), []).append(grip)
    for (_, pool), found in grips.items():
        limit = trace.pools[pool].limit
        together = _unordered(found)
        if limit is not None and sum(grip.kept for grip in together) >= limit:
            yield _finding(trace, together[-1].first, together[-1].second, len(together))


def _grips(trace: Trace, parts: dict[int, int]) -> Iterable[Grip]:
    """The moment at which each worker held most while it took one more, for each pool."""
    held: dict[int, ev.CheckedOut] = {}
    most: dict[tuple[int, int], Grip] = {}
    for event in trace.events:
        if isinstance(event, ev.CheckedIn):
            held.pop(event.connection, None)
        elif isinstance(event, ev.CheckedOut) and event.worker in parts and event.stack:
            pool = trace.pools.get(event.pool)
            if pool is None or pool.limit is None or pool.shared:
                continue
            own = [
                out
                for out in held.values()
                if (out.worker, out.pool, out.strand) == (event.worker, event.pool, event.strand)
            ]
            held[event.connection] = event
            key = (event.worker, event.pool)
            if own and (key not in most or most[key].kept < len(own)):
                most[key] = Grip(own[0], event, len(own))
    return most.values()


def _unordered(grips: list[Grip]) -> list[Grip]:
    """Those that could happen at once: nothing orders them, and no lock keeps them apart."""
    found: list[Grip] = []
    for grip in grips:
        if all(_could_meet(grip, other) for other in found):
            found.append(grip)
    return found


def _could_meet(one: Grip, other: Grip) -> bool:
    if one.first.locks.intersection(other.first.locks):
        return False
    return not any(
        is_ordered(a.second.strand, a.second.tick, b.first.seen)
        for a, b in ((one, other), (other, one))
    )


# -- telling it ------------------------------------------------------------------------------


def _finding(
    trace: Trace, first: ev.CheckedOut, second: ev.CheckedOut, workers: int | None = None
) -> Finding:
    pool = trace.pools[second.pool]
    name = who(trace, second.strand, second.worker)
    many = f"{pool.limit} such requests" if workers is None else f"{workers} such workers"
    message = (
        f"{name} takes a second connection while it holds one: {many} at once "
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
    says="nobody can get a connection: who holds them, who waits",
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

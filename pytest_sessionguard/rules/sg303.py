"""SG303 scope-too-coarse: one key of a scoped_session serves two workers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pytest_sessionguard import events as ev
from pytest_sessionguard.findings import Finding, Rule, finding
from pytest_sessionguard.rules import leases
from pytest_sessionguard.rules.blame import worker_name
from pytest_sessionguard.rules.sharing import findings_of, sides
from pytest_sessionguard.trace import Trace


def check(trace: Trace) -> Iterable[Finding]:
    """Unordered strands with one lookup; an inner worker that ends the outer's Session."""
    yield from findings_of(
        RULE, trace, "one scoped Session serves {a} and {b}, and nothing orders them"
    )
    yield from _ended_inside(trace)
    yield from _handed_on(trace)
    yield from _interleaved(trace)


def _ended_inside(trace: Trace) -> Iterator[Finding]:
    for ended in leases.ended_by_nested(trace):
        registry = leases.registry_of(trace, ended.session)
        if registry is None or not registry.stack:
            continue
        inner = worker_name(trace, ended.end.began.worker)
        outer = worker_name(trace, ended.use.began.worker)
        message = f"{inner} ended the scoped Session that {outer}, which it runs in, still uses"
        yield _finding(trace, message, registry, ended)


def _handed_on(trace: Trace) -> Iterator[Finding]:
    for handed in leases.handed_on(trace):
        registry = leases.registry_of(trace, handed.session)
        if registry is None or not registry.stack or not leases.too_coarse(trace, handed):
            continue
        first = worker_name(trace, handed.use.began.worker)
        second = worker_name(trace, handed.end.began.worker)
        message = f"{second} is handed the scoped Session that {first} left behind, with its state"
        yield _finding(trace, message, registry, handed)


def _interleaved(trace: Trace) -> Iterator[Finding]:
    for met in leases.interleaved(trace):
        registry = leases.registry_of(trace, met.session)
        if registry is None or not registry.stack or not leases.looked_up_by_both(trace, met):
            continue
        first, second = (worker_name(trace, use.began.worker) for use in (met.use, met.end))
        message = f"one scoped Session serves {first} and {second}, which are both under way"
        yield _finding(trace, message, registry, met)


def _finding(
    trace: Trace, message: str, registry: ev.RegistryMade, crossing: leases.Crossing
) -> Finding:
    pair = sides(trace, crossing.use, crossing.end)
    subjects = (crossing.session, registry.registry)
    return finding(RULE, message, registry.stack[0], pair, (), subjects)


RULE = Rule(
    code="SG303",
    name="scope-too-coarse",
    says="one scoped_session key serves two workers",
    why=(
        "A scoped_session returns one Session for each key of its scope. The key did not tell these "
        "two units of work apart, so they share a transaction and an identity map, and the first "
        "remove(), commit() or rollback() hits both."
    ),
    fix=(
        "Make the scope the unit of work: scopefunc=asyncio.current_task for tasks, the request "
        "context for requests (Flask-SQLAlchemy does), patched threads for greenlets. Or pass a "
        "Session explicitly."
    ),
    check=check,
)

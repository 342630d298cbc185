"""SG304 scope-not-removed: the request ended and its scoped Session stayed, with state."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_sessionguard.findings import Finding, Related, Rule, Side, finding
from pytest_sessionguard.rules import leases
from pytest_sessionguard.rules.blame import side, worker_name
from pytest_sessionguard.rules.leaks import Leak, leaks
from pytest_sessionguard.trace import Trace


def check(trace: Trace) -> Iterable[Finding]:
    """Scoped Sessions that still hold a connection, or went on into the next request."""
    told = set()
    for leak in leaks(trace):
        if leak.registry is not None:
            told.add(leak.out.session)
            yield _finding(trace, leak)
    for handed in leases.handed_on(trace):
        registry = leases.registry_of(trace, handed.session)
        if registry is None or not registry.stack or handed.session in told:
            continue
        if leases.too_coarse(trace, handed) or not leases.left_state(handed):
            continue
        first, second = side(trace, handed.use), side(trace, handed.end)
        message = (
            f"{first.worker} never removed its scoped Session; {second.worker} goes on in its state"
        )
        related = (Related("the scoped_session is built here", registry.stack[0]),)
        subjects = (handed.session, registry.registry)
        yield finding(RULE, message, handed.use.began.stack[0], (first, second), related, subjects)


def _finding(trace: Trace, leak: Leak) -> Finding:
    worker = worker_name(trace, leak.out.worker)
    message = f"{worker} ended, and its scoped Session still holds the connection taken here"
    registry = leak.registry
    related: tuple[Related, ...] = ()
    if registry is not None and registry.stack:
        related = (Related("the scoped_session is built here", registry.stack[0]),)
    taker = Side(worker, "took a connection", leak.out.stack)
    subjects = (leak.session, registry.registry if registry is not None else None)
    return finding(RULE, message, leak.out.stack[0], (taker,), related, subjects)


RULE = Rule(
    code="SG304",
    name="scope-not-removed",
    says="the request ended and its scoped Session stayed, with state",
    why=(
        "Nobody called remove() when the request ended. The next request on the same thread gets the "
        "same Session, in the same transaction, with stale and unwritten objects, and each serving "
        "thread keeps a connection out of the pool."
    ),
    fix=(
        "Call `Session.remove()` at the end of every request: "
        "`@app.teardown_appcontext` in Flask, a finally block or middleware elsewhere."
    ),
    check=check,
)

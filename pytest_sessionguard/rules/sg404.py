"""SG404 session-leak: never closed, still holds a connection when its worker ended."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_sessionguard.findings import Finding, Rule, Side, finding
from pytest_sessionguard.rules.blame import made_here, worker_name
from pytest_sessionguard.rules.leaks import leaks, left_to_the_loop
from pytest_sessionguard.trace import Trace


def check(trace: Trace) -> Iterable[Finding]:
    """Connections that a request's own Session took and never gave back."""
    for leak in leaks(trace):
        if leak.registry is not None:
            continue
        out = leak.out
        worker = worker_name(trace, out.worker)
        message = f"{worker} ended, and its Session still holds the connection taken here"
        if leak.collected:
            message += " (the garbage collector returned it later, by chance)"
        taker = Side(worker, "took a connection", out.stack)
        lines = made_here(trace, leak.session, out.stack[0])
        yield finding(RULE, message, out.stack[0], (taker,), lines, (leak.session,))
    for dropped, out in left_to_the_loop(trace):
        worker = worker_name(trace, out.worker)
        message = (
            f"{worker} ended, and its Session still holds a connection: an exception left the `async for`, "
            "and the generator that would close the Session was dropped there (contextlib.aclosing() ends it)"
        )
        taker = Side(worker, "took a connection", out.stack)
        lines = made_here(trace, dropped.session, dropped.site)
        yield finding(RULE, message, dropped.site, (taker,), lines, (dropped.session,))


RULE = Rule(
    code="SG404",
    name="session-leak",
    says="never closed, still holds a connection when its request had ended",
    why=(
        "The Session was left in its transaction, and a transaction keeps its connection out of the "
        "pool. After as many such requests as the pool has connections (5 + 10 by default) every "
        "other request waits 30 seconds and fails with 'QueuePool limit of size 5 overflow 10 "
        "reached'."
    ),
    fix=(
        "Close the Session on every path, errors included: `with SessionLocal() as session:`, or "
        "try/finally: session.close()."
    ),
    check=check,
)

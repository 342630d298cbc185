"""SG105 forked-session: a child process uses its parent's session or connection."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_sessionguard import events as ev
from pytest_sessionguard.findings import Finding, Rule, Side, finding
from pytest_sessionguard.rules.sharing import related
from pytest_sessionguard.trace import Trace


def check(trace: Trace) -> Iterable[Finding]:
    """What children wrote down."""
    for event in trace.of(ev.ForkedUse):
        if not event.forked:
            continue
        thing = "a Session in use" if event.what == "session" else "a connection"
        message = f"a forked child process goes on with {thing} of its parent"
        sides = (
            Side("the parent", "forked", event.forked),
            Side("the child", f"used the parent's {event.what}", event.stack),
        )
        yield finding(
            RULE,
            message,
            event.forked[0],
            sides,
            related("made here", event.made),
            (event.session,),
        )


RULE = Rule(
    code="SG105",
    name="forked-session",
    says="a child process uses its parent's session, connection or pool",
    why=(
        "After a fork both processes own the same socket or file descriptor: their statements and "
        "results mix, and a rollback or close in one ends the transaction of the other."
    ),
    fix=(
        "Call `engine.dispose(close=False)` first thing in the child and make new Sessions there, or "
        "start the children before the engine is used."
    ),
    check=check,
)

"""SG302 unbound-session: a Session made before configure(bind=...), which the registry keeps."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_sessionguard import events as ev
from pytest_sessionguard.findings import Finding, Rule, Side, finding
from pytest_sessionguard.trace import Trace


def check(trace: Trace) -> Iterable[Finding]:
    """Each early Session that nobody in the app removed before its registry was used again."""
    for event in trace.of(ev.Configured):
        message = (
            "this call made the registry's Session before configure(bind=...): it has no engine, and "
            "the registry keeps handing it out (UnboundExecutionError)"
        )
        sides = (
            Side("the first call", "made an unbound Session", event.first),
            Side("the configuration", "configure(bind=...)", event.stack),
        )
        yield finding(RULE, message, event.first[0], sides, (), (event.session, event.registry))


RULE = Rule(
    code="SG302",
    name="unbound-session",
    says="Session built before configure(bind=...); the registry keeps handing it out",
    why=(
        "configure() changes what the sessionmaker will make, not what it has made. The scoped_session "
        "goes on returning the first Session, which knows no engine: its first query raises "
        "UnboundExecutionError."
    ),
    fix=(
        "Configure before the first use, or call `Session.remove()` in the app between the early use "
        "and configure(bind=...)."
    ),
    check=check,
)

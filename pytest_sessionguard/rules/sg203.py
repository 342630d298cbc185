"""SG203 foreign-attach: an instance was added to a second Session while in a first."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_sessionguard import events as ev
from pytest_sessionguard.findings import Finding, Rule, Side, finding
from pytest_sessionguard.rules.blame import is_expected, kept_at, made, who
from pytest_sessionguard.rules.sharing import related
from pytest_sessionguard.trace import Trace


def check(trace: Trace) -> Iterable[Finding]:
    """Each attach that SQLAlchemy refused, even if nobody saw the error, unless it was mended."""
    recovered = {event.number for event in trace.of(ev.Recovered)}
    for event in trace.of(ev.ForeignAttach):
        if event.number and event.number in recovered:
            continue
        if event.stack and not is_expected(trace, event.worker, event.stack):
            yield _finding(trace, event)


def _finding(trace: Trace, event: ev.ForeignAttach) -> Finding:
    home = made(trace, event.home)
    sides = (
        Side("the first Session", "holds the instance", (home.site,)),
        Side(who(trace, event.strand, event.worker), "added it to another Session", event.stack),
    )
    message = f"{event.instance} was added to a Session while it is in another one"
    own = trace.sessions.get(event.session)
    lines = related("the second Session was made here", own.stack if own is not None else ())
    site, kept = event.stack[0], kept_at(trace, event.number, event.home)
    if kept is not None and _is_of_another(trace, event):
        site, message = kept.site, f"{message}: {kept.reason}"
    return finding(RULE, message, site, sides, lines, (event.session, event.home))


def _is_of_another(trace: Trace, event: ev.ForeignAttach) -> bool:
    """Whether the instance is another unit of work's, and was kept beyond it."""
    home = trace.sessions.get(event.home)
    return home is not None and home.worker != event.worker


RULE = Rule(
    code="SG203",
    name="foreign-attach",
    says="an instance was added to a second Session while in a first",
    why=(
        "An instance belongs to one Session at a time. SQLAlchemy refuses the second ('is already "
        "attached to session'); where the error is swallowed, the change is lost."
    ),
    fix=(
        "Use the Session the instance came from, or take a copy into the second one with "
        "`instance = session.merge(instance)`."
    ),
    check=check,
)

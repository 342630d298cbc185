"""SG202 detached-by-other: one worker's commit, close, remove or expunge detached another's object."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_sessionguard import events as ev
from pytest_sessionguard.findings import Finding, Rule, Side, finding
from pytest_sessionguard.rules.blame import kept_at, made_here, who
from pytest_sessionguard.rules.detaching import accesses, by_other, detaching
from pytest_sessionguard.rules.sharing import shared
from pytest_sessionguard.trace import Trace


def check(trace: Trace) -> Iterable[Finding]:
    """Detached instances whose detaching was another unit of work's."""
    for access in accesses(trace):
        if by_other(trace, access):
            yield _finding(trace, access)


def _finding(trace: Trace, access: ev.DetachedAccess) -> Finding:
    found = detaching(trace, access)
    assert found is not None
    event = found.event
    closer = Side(who(trace, event.strand, event.worker), found.action, event.stack)
    reader = Side(
        who(trace, access.strand, access.worker), f"read .{access.attribute}", access.stack
    )
    site = _shared_at(trace, access)
    handed = trace.handed.get((access.strand, event.session))
    kept = kept_at(trace, access.number, access.session)
    if site is None and handed is not None:
        site = handed.site
    elif site is None:
        site = kept.site if kept is not None else (event.stack or access.stack)[0]
    asked = f"{reader.worker} then read .{access.attribute}"
    message = f"{closer.worker} detached {access.instance}, of which {asked}"
    lines = made_here(trace, event.session, site)
    return finding(RULE, message, site, (closer, reader), lines, (event.session,))


def _shared_at(trace: Trace, access: ev.DetachedAccess) -> ev.Site | None:
    """Where the session of a known conflict is shared."""
    for each in shared(trace):
        if each.conflict.session == access.session:
            return each.blame.site
    return None


RULE = Rule(
    code="SG202",
    name="detached-by-other",
    says="one worker's close, remove or expunge detached another's instance",
    why=(
        "Both units of work had the same Session. When one of them ended it, the objects of the other "
        "were detached in the middle of its work: its next attribute access failed."
    ),
    fix=(
        "Give each unit of work a Session of its own; close it by the same unit of work that began it."
    ),
    check=check,
)

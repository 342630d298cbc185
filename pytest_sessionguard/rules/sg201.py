"""SG201 detached-access: a detached instance was asked for something it no longer had."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_sessionguard import events as ev
from pytest_sessionguard.findings import Finding, Related, Rule, Side, finding
from pytest_sessionguard.rules.blame import kept_at, who
from pytest_sessionguard.rules.detaching import accesses, by_other, detaching
from pytest_sessionguard.trace import Trace


def check(trace: Trace) -> Iterable[Finding]:
    """Each DetachedInstanceError that was raised, wherever it went afterwards."""
    for access in accesses(trace):
        if not by_other(trace, access):
            yield _finding(trace, access)


def _finding(trace: Trace, access: ev.DetachedAccess) -> Finding:
    reader = Side(
        who(trace, access.strand, access.worker), f"read .{access.attribute}", access.stack
    )
    message = f"{access.instance}.{access.attribute} was read from a detached instance"
    kept = kept_at(trace, access.number, access.session)
    detached = detaching(trace, access)
    if detached is None or not detached.event.stack:
        site = kept.site if kept is not None else access.stack[0]
        return finding(RULE, message, site, (reader,), subjects=(access.session,))
    event = detached.event
    closer = Side(who(trace, event.strand, event.worker), detached.action, event.stack)
    site = event.stack[0] if _same_work(event, access) else access.stack[0]
    message += f": {detached.action} had detached it"
    if kept is not None and event.worker != access.worker:
        site = kept.site
        message += f", and {kept.reason}"
    related = (Related(f"{detached.action} detached it here", event.stack[0]),)
    lines = related if site != event.stack[0] else ()
    return finding(RULE, message, site, (closer, reader), lines, (event.session,))


def _same_work(event: ev.Detached, access: ev.DetachedAccess) -> bool:
    """Whether closing and reading are steps of one function, or of what it calls.

    Then the Session was closed too early. Otherwise it ended where it should, with the request or
    the `with` block, and the instance was kept or passed on beyond it: the reading is to be mended.
    """
    if event.worker != access.worker or event.stack[0].role == "library":
        return False
    functions = {(site.path, site.function) for site in access.stack}
    return any((site.path, site.function) in functions for site in event.stack)


RULE = Rule(
    code="SG201",
    name="detached-access",
    says="a detached instance was asked for something it no longer had (even if swallowed)",
    why=(
        "close(), remove(), expunge() and the end of a `with Session()` block take every instance out "
        "of the Session. What was not loaded by then, or was expired by a commit, cannot be loaded "
        "any more: SQLAlchemy raises DetachedInstanceError. Here it was raised, whether or not "
        "anybody saw it."
    ),
    fix=(
        "Read what you need before the Session is closed (or load it eagerly with selectinload), keep "
        "the Session open as long as its objects are used, or set expire_on_commit=False if a commit "
        "expired it."
    ),
    check=check,
)

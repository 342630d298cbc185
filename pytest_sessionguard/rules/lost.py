"""Changes of instances that nobody writes: made when the Session had been closed."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_sessionguard import events as ev
from pytest_sessionguard.rules.conflicts import conflicts
from pytest_sessionguard.rules.sharing import ENDINGS
from pytest_sessionguard.trace import Trace, Use

_REACHING = frozenset(
    {"bulk_save_objects", "bulk_update_mappings", "connection", "execute", "get", "get_one", "merge",
     "merge_all", "query", "refresh", "scalar", "scalars"}
)  # fmt: skip
"""Operations by which a strand may reach the row itself, in a Session of its own."""


def lost_changes(trace: Trace) -> Iterator[tuple[ev.LostChange, Use]]:
    """What work set when the owner had closed the Session, with that closing.

    The work was given the instance before. Nobody put the instance into a Session afterwards, and
    the work did not write the row by itself.
    """
    recovered = {event.number for event in trace.of(ev.Recovered)}
    for change in trace.of(ev.LostChange):
        if change.number in recovered or change.loaded_anew:
            continue
        if not change.session < change.given < change.detached:
            continue  # not given while it was attached: what a long-lived worker is given later
        closed = _closing(trace, change)
        if closed is None or _is_in_conflict(trace, change):
            continue
        if not _writes_itself(trace, change):
            yield change, closed


def _closing(trace: Trace, change: ev.LostChange) -> Use | None:
    """The closing that detached the instance, if it was not the work's own."""
    for use in trace.uses.get(change.session, ()):
        if use.began.number == change.detached and use.began.action in ENDINGS:
            by = {began.strand for began in trace.chain(use.began.strand)}
            return None if change.given_to in by else use
    return None


def _is_in_conflict(trace: Trace, change: ev.LostChange) -> bool:
    """Whether the work used the Session, or this instance, unordered before the close: that is told."""
    pairs = conflicts(trace).get(change.session, ())
    return any(change.strand in (c.first.began.strand, c.second.began.strand) for c in pairs)


def _writes_itself(trace: Trace, change: ev.LostChange) -> bool:
    """Whether the work may have written the row in a Session or connection of its own.

    It has not, if it commits after the change and asks for nothing in between.
    """
    if any(out.session is None and out.strand == change.strand for out in trace.of(ev.CheckedOut)):
        return True
    own = [
        use.began
        for session, uses in trace.uses.items()
        for use in uses
        if session != change.session and use.began.strand == change.strand
    ]
    if not any(began.action in _REACHING for began in own):
        return False
    after = sorted(
        (began.number, began.action)
        for began in own
        if began.number > change.number and began.action in (*_REACHING, "commit")
    )
    return not after or after[0][1] != "commit"

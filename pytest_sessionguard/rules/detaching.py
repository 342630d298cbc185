"""Who took an instance out of its Session, and whether it was somebody else's."""

from __future__ import annotations

from typing import NamedTuple

from pytest_sessionguard import events as ev
from pytest_sessionguard.clocks import is_ordered
from pytest_sessionguard.rules.blame import is_expected
from pytest_sessionguard.trace import NOT_ENDED, Trace, Use


def accesses(trace: Trace) -> list[ev.DetachedAccess]:
    """The accesses that count: neither asked for by a test itself, nor mended by the app at once.

    An app that catches the error and puts the instance back into a session has dealt with it.
    """
    recovered = {event.number for event in trace.of(ev.Recovered)}
    return [
        access
        for access in trace.of(ev.DetachedAccess)
        if access.stack
        and access.number not in recovered
        and not is_expected(trace, access.worker, access.stack)
    ]


class Detaching(NamedTuple):
    """The event, and the operation it was part of if it is known (``Session.close()``)."""

    event: ev.Detached
    action: str
    use: Use | None


def detaching(trace: Trace, access: ev.DetachedAccess) -> Detaching | None:
    """How the instance of ``access`` became detached."""
    for event in reversed(list(trace.of(ev.Detached))):
        if event.number == access.detached and event.session == access.session:
            use = _use(trace, event)
            return Detaching(event, _action(trace, use), use)
    return None


def _action(trace: Trace, use: Use | None) -> str:
    """What the code called: ``remove()`` closes the Session it removes."""
    if use is None:
        return "the Session's end"
    removed = any(
        event.session == use.began.session and event.strand == use.began.strand
        for event in trace.events[max(0, use.at - 4) : use.at]
        if isinstance(event, ev.Removed)
    )
    return "scoped_session.remove()" if removed else f"Session.{use.began.action}()"


def _use(trace: Trace, event: ev.Detached) -> Use | None:
    for use in trace.uses.get(event.session, ()):
        if use.began.number == event.number:
            return use
    return None


def by_other(trace: Trace, access: ev.DetachedAccess) -> bool:
    """Whether another unit of work detached what the reader still had in use.

    Nothing orders the detaching before the reading; or the reader, which was given the instance,
    had been started before; or a worker other than the reader's ended a Session that the reader's
    had begun to use.
    """
    found = detaching(trace, access)
    if found is None or found.use is None or found.event.strand == access.strand:
        return False
    use = found.use
    if use.tick == NOT_ENDED or not is_ordered(use.began.strand, use.tick, access.seen):
        return True
    began = trace.strands.get(access.strand)
    if (access.strand, found.event.session) in trace.handed and began is not None:
        return not is_ordered(use.began.strand, use.tick, began.seen)
    return found.event.worker != access.worker and any(
        earlier.began.strand == access.strand and earlier.at < use.at
        for earlier in trace.uses[found.event.session]
    )

"""The line to mend: where a session was made, published, handed over or scoped wrongly."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pytest_sessionguard import events as ev
from pytest_sessionguard.findings import Related, Side
from pytest_sessionguard.rules.conflicts import Conflict
from pytest_sessionguard.rules.leases import ENDINGS
from pytest_sessionguard.trace import Trace, Use

UNKNOWN = ev.Site("<unknown>", 0, "<unknown>", "library")


class Blame(NamedTuple):
    """The line, and in words what happens there."""

    site: ev.Site
    reason: str


def common_registry(trace: Trace, conflict: Conflict) -> ev.RegistryMade | None:
    """The registry in which both strands looked the session up, if they did."""
    strands = (conflict.first.began.strand, conflict.second.began.strand)
    looked: dict[int, set[int]] = {}
    for lookup in trace.lookups.get(conflict.session, ()):
        looked.setdefault(lookup.registry, set()).add(lookup.strand)
    for registry, by in looked.items():
        if by.issuperset(strands):
            return trace.registries.get(registry)
    return None


def blame(trace: Trace, conflict: Conflict) -> Blame:
    """Which line shares the session of a conflict, and how."""
    return (
        abandoned_at(trace, conflict.session)
        or _handed(trace, conflict)
        or _queued(trace, conflict)
        or _instance_kept(trace, conflict)
        or _escaped(trace, conflict.session)
        or _published(trace, conflict.session)
        or _began(trace, conflict)
        or made(trace, conflict.session)
    )


def kept_at(trace: Trace, number: int, session: int | None) -> Blame | None:
    """The line that keeps an instance beyond its unit of work, asked for by event ``number``.

    Of several lines that may have stored it, one in a function that worked with its session.
    """
    kept = trace.kept.get(number)
    if kept is None:
        return None
    uses = trace.uses.get(session, ()) if session is not None else ()
    functions = {(site.path, site.function) for use in uses for site in use.began.stack}
    own = [site for site in kept.sites if (site.path, site.function) in functions]
    return Blame((own or kept.sites)[0], f"{kept.holder} keeps the instance")


def _instance_kept(trace: Trace, conflict: Conflict) -> Blame | None:
    for use in (conflict.second, conflict.first):
        found = kept_at(trace, use.began.number, conflict.session)
        if found is not None:
            return found
    return None


def _began(trace: Trace, conflict: Conflict) -> Blame | None:
    """Where work began, in the request that made the session, which finds it by itself.

    A context variable keeps it, or what the request passes along: for one request the session was
    made rightly, and so it was where a library made it.
    """
    made_by = trace.sessions.get(conflict.session)
    uses = (conflict.first.began, conflict.second.began)
    if made_by is None or not (_is_own(trace, made_by, uses) or _is_librarys(made_by)):
        return None
    for use, other in (uses, uses[::-1]):
        others = {began.strand for began in trace.chain(other.strand)}
        for began in trace.chain(use.strand):
            if began.spawned and began.strand not in others:
                return Blame(began.spawned[0], "what begins here finds it by itself")
    return None


def _is_own(trace: Trace, made_by: ev.SessionMade, uses: tuple[ev.Began, ev.Began]) -> bool:
    """Whether one request made the session, and both uses are its."""
    by_request = trace.kind_of(made_by.worker) == "request"
    return by_request and all(use.worker == made_by.worker for use in uses)


def _is_librarys(made_by: ev.SessionMade) -> bool:
    return bool(made_by.stack) and made_by.stack[0].role == "library"


def abandoned_at(trace: Trace, session: int) -> Blame | None:
    """The session was taken out of a generator that nobody keeps: it ends, or the loop ends it."""
    site = trace.abandoned.get(session) or trace.derive(_dropped).get(session)
    return Blame(site, "its generator was dropped here") if site is not None else None


def _dropped(trace: Trace) -> dict[int, ev.Site]:
    """Session -> the ``next(get_db())`` whose generator closed it at once."""
    returned = trace.of(ev.OwnerReturned)
    return {each.session: each.abandoned for each in returned if each.abandoned is not None}


def escaped_at(trace: Trace, session: int) -> Blame:
    """The line by which a session that nobody was handed came to be used by several."""
    return (
        abandoned_at(trace, session)
        or _escaped(trace, session)
        or _published(trace, session)
        or made(trace, session)
    )


def _handed(trace: Trace, conflict: Conflict) -> Blame | None:
    """A strand was started with the session in its arguments, closure or ``self``."""
    found = []
    for use in (conflict.first, conflict.second):
        other = conflict.second if use is conflict.first else conflict.first
        others = {began.strand for began in trace.chain(other.began.strand)}
        for began in trace.chain(use.began.strand):
            handed = trace.handed.get((began.strand, conflict.session))
            if handed is not None and began.strand not in others:
                # AsyncSession closes in a task of its own, which is nobody's work.
                rank = (use.began.action in ENDINGS, began.strand)
                found.append((rank, Blame(handed.site, "given to concurrent work here")))
    return min(found, key=lambda pair: pair[0])[1] if found else None


def _queued(trace: Trace, conflict: Conflict) -> Blame | None:
    """One of the two put the session into a queue, out of which the other took it."""
    workers = {conflict.first.began.worker, conflict.second.began.worker}
    for put in trace.of(ev.Queued):
        if put.session == conflict.session and put.worker in workers:
            return Blame(put.site, "put into a queue here")
    return None


def _escaped(trace: Trace, session: int) -> Blame | None:
    """The session came from a registry but was kept beyond the lookup."""
    made_by = trace.sessions.get(session)
    if made_by is None or made_by.registry is None:
        return None
    given = [
        lookup for lookup in trace.lookups.get(session, ()) if lookup.explicit and lookup.stack
    ]
    stack = given[0].stack if given else made_by.stack
    return Blame(stack[0], "taken out of its registry and kept") if stack else None


def _published(trace: Trace, session: int) -> Blame | None:
    """A request's or fixture's session, kept beyond it by a closure or an object's attribute.

    An attribute that is set in ``__init__`` was given to the constructor: the line that made the
    session says more. So it does for a session that was made to be shared.
    """
    made_by, held = trace.sessions.get(session), trace.published.get(session)
    if held is None or held.site is None or made_by is None:
        return None
    if trace.kind_of(made_by.worker) != "request" and made_by.origin != "test":
        return None
    if held.site.function.endswith("__init__"):
        return None
    return Blame(held.site, f"held by {held.holder}")


def lasting_at(trace: Trace, made_by: ev.SessionMade, lasting: ev.Lasting) -> ev.Site:
    """Where it was made; the name it is kept under, if a library makes it for that name."""
    functions = {(site.path, site.function) for site in made_by.stack}
    own = any(
        (site.path, site.function) in functions or (is_within(site, maker) and not is_init(site))
        for site in lasting.sites
        for maker in made_by.stack
    )
    if lasting.sites and not own:
        return lasting.sites[0]
    return escaped_at(trace, made_by.session).site


def is_within(site: ev.Site, maker: ev.Site) -> bool:
    """Whether a line is in the function of another, or in one defined in it."""
    return site.path == maker.path and f"{site.function}.".startswith(f"{maker.function}.")


def is_init(site: ev.Site) -> bool:
    """What ``__init__`` stores lasts no longer than the object: that is whoever's made it.

    An application is the one object for all requests, whoever made it.
    """
    return site.function.endswith("__init__")


def made(trace: Trace, session: int) -> Blame:
    """The line that made the session; the best there is when nothing else is known."""
    made_by = trace.sessions.get(session)
    site = first_site(made_by.stack) if made_by is not None else None
    held = trace.published.get(session)
    reason = f"made here and held by {held.holder}" if held is not None else "made here"
    if site is not None:
        return Blame(site, reason)
    uses = trace.uses.get(session)
    first = first_site(uses[0].began.stack) if uses else None
    return Blame(first or UNKNOWN, "first used here")


def first_site(stack: ev.Stack) -> ev.Site | None:
    """The innermost line of a stack."""
    return stack[0] if stack else None


# -- telling it ---------------------------------------------------------------------------


def worker_name(trace: Trace, worker: int) -> str:
    """What a reader calls a worker."""
    began = trace.workers.get(worker)
    if began is None or began.kind == "test":
        return "the test"
    if began.kind == "request":
        return f"request {began.label} #{_ordinal(trace, worker)}"
    return began.label


def _ordinal(trace: Trace, worker: int) -> int:
    return trace.derive(_request_numbers).get(worker, 0)


def _request_numbers(trace: Trace) -> dict[int, int]:
    requests = [w.worker for w in trace.workers.values() if w.kind == "request"]
    return {worker: number for number, worker in enumerate(sorted(requests), 1)}


def who(trace: Trace, strand: int, worker: int) -> str:
    """A worker, and the strand when the user's code started it and it says more."""
    name = worker_name(trace, worker)
    began = trace.strands.get(strand)
    if began is None or not began.spawned or began.label == name:
        return name
    return f"{name}, {began.label}"


def side(trace: Trace, use: Use) -> Side:
    """A use as a side of a finding."""
    began = use.began
    action = began.action if began.via == "session" else f"{began.action} an instance's attribute"
    name = f"Session.{action}()" if began.via == "session" else action
    return Side(who(trace, began.strand, began.worker), name, began.stack)


def session_label(trace: Trace, session: int) -> str:
    """What a reader calls a session: its class, and where it is held if that is known."""
    made_by = trace.sessions.get(session)
    label = made_by.label if made_by is not None else "Session"
    held = trace.published.get(session)
    return f"{label} held by {held.holder}" if held is not None else label


def made_here(trace: Trace, session: int, *besides: ev.Site) -> Iterable[Related]:
    """The line that made the session, unless the finding names it already."""
    made_by = trace.sessions.get(session)
    if made_by is None:
        return
    site = first_site(made_by.stack)
    if site is not None and site not in besides:
        yield Related("the session was made here", site)
    held = trace.published.get(session)
    if held is not None and held.site is not None and held.site not in besides:
        yield Related(f"it is held by {held.holder}", held.site)


def is_expected(trace: Trace, worker: int, stack: ev.Stack) -> bool:
    """Whether a test function asked for this itself: it tests how SQLAlchemy behaves."""
    if not stack or stack[0].role != "test" or not trace.is_test(worker):
        return False
    return stack[0].function.lower().startswith("test") or ".test_" in stack[0].function

"""SG305 session-outlives-worker: used after its request, task or generator had ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pytest_sessionguard import events as ev
from pytest_sessionguard.clocks import is_ordered
from pytest_sessionguard.findings import Finding, Rule, Side, finding
from pytest_sessionguard.rules import leases
from pytest_sessionguard.rules.blame import escaped_at, lasting_at, made_here, side, who
from pytest_sessionguard.rules.leases import registry_of
from pytest_sessionguard.rules.lost import lost_changes
from pytest_sessionguard.rules.sharing import ENDINGS, LETTING_GO, findings_of
from pytest_sessionguard.trace import Trace, Use


def check(trace: Trace) -> Iterable[Finding]:
    """Uses after the owner's close, after a generator's end, after another request's remove."""
    yield from findings_of(
        RULE,
        trace,
        "{b} uses {session} after its owner closed it: it silently starts anew ({reason})",
    )
    yield from _after_return(trace)
    yield from _after_owner_closed(trace)
    yield from _after_request(trace)
    yield from _after_remove(trace)
    yield from _still_reachable(trace)
    yield from _never_written(trace)


def _after_return(trace: Trace) -> Iterator[Finding]:
    """The function or dependency that made and closed the session has returned."""
    told: set[int] = set()
    for at, event in enumerate(trace.events):
        if not isinstance(event, ev.OwnerReturned) or _is_tests(trace, event.session):
            continue
        if event.session in told:
            continue
        use = _next_use(trace, event.session, at)
        if use is None or use.began.action in LETTING_GO or not use.began.stack:
            continue
        if trace.is_test(use.began.worker) and use.began.stack[0].role == "test":
            continue
        if _is_closed_again(trace, use):
            continue
        told.add(event.session)
        site = (
            _given_at(trace, use)
            or event.abandoned
            or _kept_at(trace, event.session)
            or use.began.stack[0]
        )
        user = side(trace, use)
        message = (
            f"{user.worker} uses a Session after {event.site.function}() closed it and returned"
        )
        if event.abandoned is not None:
            message += ": a generator that nobody keeps ends at once"
        closer = Side("its owner", "closed it at its end", (event.site,))
        yield _told(trace, message, site, (closer, user), event.session)


def _is_closed_again(trace: Trace, use: Use) -> bool:
    """Whether the same strand closes the session after this use: then it is a new, whole lease."""
    return any(
        later.began.action in ENDINGS
        and later.began.strand == use.began.strand
        and later.at > use.at
        for later in trace.uses[use.began.session]
    )


def _given_at(trace: Trace, use: Use) -> ev.Site | None:
    """Where the using strand, or one that it was started by, was given the session."""
    for began in trace.chain(use.began.strand):
        handed = trace.handed.get((began.strand, use.began.session))
        if handed is not None:
            return handed.site
    return None


def _after_owner_closed(trace: Trace) -> Iterator[Finding]:
    """A strand was handed a session, and used it when its maker had closed it."""
    for (strand, session), handed in trace.handed.items():
        if _is_tests(trace, session):
            continue
        closed: Use | None = None
        for use in trace.uses.get(session, ()):
            ends = use.began.action in ENDINGS
            if use.began.strand != strand:
                closed = use if ends else None
            elif _given_before(trace, strand, closed) and use.began.action not in LETTING_GO:
                assert closed is not None
                if closed.began.locks & use.began.locks or _is_closed_again(trace, use):
                    break
                yield _late_use(trace, session, handed.site, closed, use)
                break
            else:
                closed = None


def _given_before(trace: Trace, strand: int, closed: Use | None) -> bool:
    """Whether a strand had been started, and given the session, when that was closed."""
    began = trace.strands.get(strand)
    if closed is None or began is None:
        return False
    return not is_ordered(closed.began.strand, closed.tick, began.seen)


def _late_use(trace: Trace, session: int, site: ev.Site, closed: Use, use: Use) -> Finding:
    owner, user = side(trace, closed), side(trace, use)
    message = (
        f"{user.worker} uses a Session that {owner.worker} has closed: it silently starts anew"
    )
    return _told(trace, message, site, (owner, user), session)


def _after_request(trace: Trace) -> Iterator[Finding]:
    """A request uses, and does not close, a Session that an ended request had made and closed."""
    for session, made_by in trace.sessions.items():
        if made_by.registry is not None or _is_tests(trace, session):
            continue
        if trace.kind_of(made_by.worker) != "request":
            continue
        closed: Use | None = None
        for lease in leases.leases(trace, session):
            user = lease[0].began.worker
            own = user == made_by.worker
            ends = lease[-1].began.action in ENDINGS
            if (
                closed is not None
                and not own
                and not ends
                and _is_over(trace, made_by.worker, lease[0])
            ):
                yield _kept(trace, session, closed, lease[0])
                break
            closed = lease[-1] if own and ends else None


def _is_over(trace: Trace, worker: int, use: Use) -> bool:
    return trace.ended_before(worker, use.at) and trace.kind_of(use.began.worker) == "request"


def _kept(trace: Trace, session: int, closed: Use, use: Use) -> Finding:
    line = escaped_at(trace, session)
    kept = _kept_at(trace, session)
    reason = f"kept by {trace.lasting[session].holder}" if kept is not None else line.reason
    owner, user = side(trace, closed), side(trace, use)
    message = f"{user.worker} uses a Session that {owner.worker} had made and closed ({reason})"
    return _told(trace, message, kept or line.site, (owner, user), session)


def _kept_at(trace: Trace, session: int) -> ev.Site | None:
    """The line that keeps it, if the app does so by names alone."""
    lasting, made_by = trace.lasting.get(session), trace.sessions.get(session)
    return (
        lasting_at(trace, made_by, lasting) if lasting is not None and made_by is not None else None
    )


def _after_remove(trace: Trace) -> Iterator[Finding]:
    """A Session is used that a request's remove() has put out of its registry."""
    removed: dict[int, ev.Removed] = {}
    told: set[int] = set()
    for event in trace.events:
        if isinstance(event, ev.Removed) and event.session is not None:
            removed[event.session] = event
        elif isinstance(event, ev.Began) and event.session in removed and event.session not in told:
            before = removed[event.session]
            if _is_orphan(trace, before, event):
                told.add(event.session)
                yield _orphan(trace, before, event)


def _is_orphan(trace: Trace, removed: ev.Removed, began: ev.Began) -> bool:
    if began.action in LETTING_GO or not began.stack:
        return False
    if registry_of(trace, began.session) is None:
        return False
    return not trace.is_test(removed.worker) and not trace.is_test(began.worker)


def _orphan(trace: Trace, removed: ev.Removed, began: ev.Began) -> Finding:
    line = escaped_at(trace, began.session)
    handed = trace.handed.get((began.strand, began.session))
    site = handed.site if handed is not None else line.site
    remover = Side(
        who(trace, removed.strand, removed.worker), "removed it from its registry", removed.stack
    )
    user = Side(who(trace, began.strand, began.worker), f"Session.{began.action}()", began.stack)
    message = f"{user.worker} uses a Session that {remover.worker} has removed from its registry"
    return _told(trace, message, site, (remover, user), began.session)


def _still_reachable(trace: Trace) -> Iterator[Finding]:
    """The owner closed the session while a task that was given it still lives."""
    for event in trace.of(ev.OwnerLeft):
        if event.site is None or _is_tests(trace, event.session):
            continue
        closing = _use_numbered(trace, event.session, event.number)
        if closing is None or _has_used(trace, event):
            continue
        owner = side(trace, closing)
        task = Side(
            who(trace, event.task, _worker_of(trace, event.task)), "still holds it", (event.site,)
        )
        message = f"{owner.worker} closed a Session that {task.worker} was given and still holds"
        yield _told(trace, message, event.site, (owner, task), event.session)


def _has_used(trace: Trace, event: ev.OwnerLeft) -> bool:
    """Whether the task has had its use of the session already: its local is only a name then."""
    return any(use.began.strand == event.task for use in trace.uses.get(event.session, ()))


def _never_written(trace: Trace) -> Iterator[Finding]:
    """Work that was given an instance set a column of it when its Session had been closed."""
    for change, closed in lost_changes(trace):
        if _is_tests(trace, change.session):
            continue
        owner = side(trace, closed)
        name = who(trace, change.strand, change.worker)
        setter = Side(name, f"set .{change.attribute}", change.stack)
        message = (
            f"{name} sets {change.instance}.{change.attribute} when {owner.worker} has closed its "
            "Session: nobody writes that"
        )
        yield _told(trace, message, change.site, (owner, setter), change.session)


def _told(
    trace: Trace, message: str, site: ev.Site, pair: tuple[Side, Side], session: int
) -> Finding:
    return finding(RULE, message, site, pair, made_here(trace, session, site), (session,))


def _worker_of(trace: Trace, strand: int) -> int:
    began = trace.strands.get(strand)
    return began.worker if began is not None else 0


def _is_tests(trace: Trace, session: int) -> bool:
    made = trace.sessions.get(session)
    return made is None or made.origin == "test" or made.shared_by_design


def _next_use(trace: Trace, session: int, at: int) -> Use | None:
    return next((use for use in trace.uses.get(session, ()) if use.at > at), None)


def _use_numbered(trace: Trace, session: int, number: int) -> Use | None:
    return next((use for use in trace.uses.get(session, ()) if use.began.number == number), None)


RULE = Rule(
    code="SG305",
    name="session-outlives-worker",
    says="used after its request, task or generator had ended",
    why=(
        "A closed Session is not dead: the next use silently begins a new transaction in it, which "
        "nobody commits, rolls back or closes. Writes are lost and the connection leaks, without any "
        "error."
    ),
    fix=(
        "Open a Session inside the background work and pass it ids, not the request's Session; or wait "
        "for the work before the request ends."
    ),
    check=check,
)

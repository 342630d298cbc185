"""SG101 shared-session: one Session used by two units of work that nothing orders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pytest_sessionguard import events as ev
from pytest_sessionguard.findings import Finding, Rule, Side, finding
from pytest_sessionguard.rules.blame import (
    abandoned_at,
    is_init,
    is_within,
    lasting_at,
    made,
    made_here,
    session_label,
    side,
    worker_name,
)
from pytest_sessionguard.rules.handovers import is_pooled
from pytest_sessionguard.rules.sharing import findings_of, interleaved_findings
from pytest_sessionguard.trace import Trace, Use


def check(trace: Trace) -> Iterable[Finding]:
    """Unordered use by two strands; one import-time Session that served two requests."""
    yield from findings_of(
        RULE, trace, "{session} is used by {a} and by {b}, and nothing orders them ({reason})"
    )
    yield from _served_requests(trace)
    yield from _kept_for_all(trace)
    yield from _in_one_place(trace)
    yield from interleaved_findings(RULE, trace, "session")


def _in_one_place(trace: Trace) -> Iterator[Finding]:
    """Each request makes a Session, and puts it where the others put theirs."""
    for put in trace.of(ev.Replaced):
        made_by = trace.sessions.get(put.session)
        before, after = trace.uses.get(put.earlier, ()), trace.uses.get(put.session, ())
        if made_by is None or made_by.shared_by_design or not before or not after:
            continue
        if frozenset.intersection(*(use.began.locks for use in (*before, *after))):
            continue
        pair = (side(trace, before[0]), side(trace, after[0]))
        message = (
            f"{_request(trace, after[0])} puts its {made_by.label} into {put.holder}, where "
            f"{_request(trace, before[0])} had put its own: two requests at once find the one that came last"
        )
        site = put.sites[0] if put.sites else made(trace, put.session).site
        lines = made_here(trace, put.session, site)
        yield finding(RULE, message, site, pair, lines, subjects=(put.session,))


def _request(trace: Trace, use: Use) -> str:
    return worker_name(trace, use.began.worker)


def _served_requests(trace: Trace) -> Iterator[Finding]:
    """A Session made while a module was imported serves every request of the process."""
    for session, made_by in trace.sessions.items():
        if made_by.origin != "import" or made_by.registry is not None or made_by.shared_by_design:
            continue
        pair = _two_requests(trace, session)
        if pair is not None and not is_pooled(trace, session):
            blamed = abandoned_at(trace, session) or made(trace, session)
            message = (
                f"{session_label(trace, session)} is made once, before any request, and serves all: "
                f"{pair[0].worker}, then {pair[1].worker}"
            )
            yield finding(RULE, message, blamed.site, pair, subjects=(session,))


def _kept_for_all(trace: Trace) -> Iterator[Finding]:
    """A Session that the app made later, kept under a name, and used in request after request."""
    for session, lasting in trace.lasting.items():
        made_by = trace.sessions.get(session)
        if made_by is None or made_by.shared_by_design or not _is_apps_own(trace, made_by, lasting):
            continue
        pair = _two_requests(trace, session)
        if pair is not None and not is_pooled(trace, session):
            site = lasting_at(trace, made_by, lasting)
            message = (
                f"{made_by.label} is kept by {lasting.holder} for every request: {pair[0].worker}, then "
                f"{pair[1].worker}"
            )
            lines = made_here(trace, session, site)
            yield finding(RULE, message, site, pair, lines, subjects=(session,))


def _is_apps_own(trace: Trace, made_by: ev.SessionMade, lasting: ev.Lasting) -> bool:
    """Whether the app keeps this Session of its own accord, and no fixture arranged it.

    It does what it makes in a request and keeps under a name. What it makes when a test calls it
    may be the test's; it is not where the function that made it, or one that called that, stored it.
    """
    if made_by.origin != "app":
        return False
    if trace.kind_of(made_by.worker) == "request":
        return lasting.by_name
    makers = [site for site in made_by.stack if site.role == "app"]
    return any(
        is_within(site, maker) and (lasting.by_application or not is_init(site))
        for site in lasting.outermost
        for maker in makers
    )


def _two_requests(trace: Trace, session: int) -> tuple[Side, Side] | None:
    """Uses by two requests, also of an earlier test, that hold no lock in common."""
    earlier = _used_earlier(trace, session)
    firsts: dict[tuple[int, frozenset[int]], Use] = {}
    for use in trace.uses.get(session, ()):
        worker, locks = use.began.worker, use.began.locks
        if trace.kind_of(worker) != "request":
            continue
        if earlier is not None and not earlier[1] & locks:
            return earlier[0], side(trace, use)
        for (other, held), first in firsts.items():
            if other != worker and not held & locks:
                return side(trace, first), side(trace, use)
        firsts.setdefault((worker, locks), use)
    return None


def _used_earlier(trace: Trace, session: int) -> tuple[Side, frozenset[int]] | None:
    for event in trace.of(ev.UsedEarlier):
        if event.session == session and event.worker not in trace.workers:
            name = f"request {event.label} of an earlier test"
            return Side(name, f"Session.{event.action}()", event.stack), event.locks
    return None


RULE = Rule(
    code="SG101",
    name="shared-session",
    says="one Session used by two concurrent workers or strands",
    why=(
        "A Session is one unit of work: one transaction and one identity map. Two workers in it see "
        "each other's unwritten objects, and the commit, rollback or close of one takes effect in "
        "the middle of the other."
    ),
    fix=(
        "Give each unit of work a Session of its own: make it where the request (or task, or thread) "
        "begins, with `with SessionLocal() as session:`, and close it where that ends."
    ),
    check=check,
)

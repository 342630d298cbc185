"""SG301 late-monkey-patch: a scoped_session was built before gevent patched threads."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_sessionguard import events as ev
from pytest_sessionguard.findings import Finding, Related, Rule, Side, finding
from pytest_sessionguard.rules.blame import worker_name
from pytest_sessionguard.trace import Trace


def check(trace: Trace) -> Iterable[Finding]:
    """Each registry that keeps a native thread-local after the patch, and was used."""
    for event in trace.of(ev.LatePatch):
        if not event.made:
            continue
        message = (
            "this scoped_session was built before gevent patched threads: it keeps one Session for "
            "all greenlets of the thread"
        )
        related: tuple[Related, ...] = ()
        if event.patched is not None:
            related = (Related("gevent patched here, too late", event.patched),)
        user = Side(worker_name(trace, event.worker), "got its Session", event.used)
        yield finding(RULE, message, event.made[0], (user,), related, (event.token,))


RULE = Rule(
    code="SG301",
    name="late-monkey-patch",
    says="scoped_session built before gevent patched threads",
    why=(
        "scoped_session keeps its Sessions in a threading.local that it takes when it is built. Built "
        "before monkey.patch_all() it is the native one for ever: it tells threads apart, not "
        "greenlets, so all requests of a gevent worker share one Session. In production the same "
        "comes from gunicorn's --preload with gevent workers."
    ),
    fix=(
        "Call gevent.monkey.patch_all() first of all, before SQLAlchemy and the app are imported; with "
        "gunicorn leave out --preload, or patch in the configuration file."
    ),
    check=check,
)

"""SG301 late-monkey-patch: a scoped_session was built before gevent patched threads."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_sessionguard import events as ev
from pytest_sessionguard.findings import Finding, Related, Rule, Side, finding
from pytest_sessionguard.rules.blame import worker_name
from pytest_sessionguard.trace import Trace


def check(trace: Trace) -> Iterable[Finding]:
    """Each registry that keeps a native thread-local after the patch, and was used; else each pool.

    Both are mended by patching earlier: where a registry is late, its pools are only mentioned.
    """
    late = [event for event in trace.of(ev.LatePatch) if event.made]
    pools = [event for event in late if event.what == "pool"]
    registries = [event for event in late if event.what != "pool"]
    for event in registries or pools:
        related = []
        if event.patched is not None:
            related.append(Related("gevent patched here, too late", event.patched))
        if registries:
            related += [Related("this pool was built too early as well", p.made[0]) for p in pools]
        did, message = SAYS[event.what]
        user = Side(worker_name(trace, event.worker), did, event.used)
        yield finding(RULE, message, event.made[0], (user,), related, (event.token,))


SAYS = {
    "scoped_session": (
        "got its Session",
        "this scoped_session was built before gevent patched threads: it keeps one Session for all "
        "greenlets of the thread",
    ),
    "pool": (
        "took a connection",
        "the connection pool of this engine was built before gevent patched threads: a greenlet that "
        "waits for a connection stops the whole thread",
    ),
}


RULE = Rule(
    code="SG301",
    name="late-monkey-patch",
    says="scoped_session or pool built before gevent patched threads",
    why=(
        "scoped_session keeps its Sessions in a threading.local that it takes when it is built. Built "
        "before monkey.patch_all() it is the native one for ever: it tells threads apart, not "
        "greenlets, so all requests of a gevent worker share one Session. In production the same "
        "comes from gunicorn's --preload with gevent workers. A pool's queue keeps native locks in "
        "the same way: waiting in it blocks the hub, and so whoever would give a connection back."
    ),
    fix=(
        "Call gevent.monkey.patch_all() first of all, before SQLAlchemy and the app are imported; with "
        "gunicorn leave out --preload, or patch in the configuration file."
    ),
    check=check,
)

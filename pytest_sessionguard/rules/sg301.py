"""SG301 late-monkey-patch: a scoped_session, a pool or a lock was built before gevent patched threads."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_sessionguard import events as ev
from pytest_sessionguard.findings import Finding, Related, Rule, Side, finding
from pytest_sessionguard.rules.blame import worker_name
from pytest_sessionguard.trace import Trace


def check(trace: Trace) -> Iterable[Finding]:
    """Each registry that keeps a native thread-local after the patch, and was used; else each pool;
    else each lock under which a greenlet used a session.

    All are mended by patching earlier: where a registry is late, the others are only mentioned.
    """
    late = [event for event in trace.of(ev.LatePatch) if event.made]
    registries = [event for event in late if event.what == "scoped_session"]
    pools = [event for event in late if event.what == "pool"]
    locks = [event for event in late if event.what == "lock" and _guards(trace, event.token)]
    told = registries or pools or locks
    for event in told:
        related = []
        if event.patched is not None:
            related.append(Related("gevent patched here, too late", event.patched))
        related += [
            Related(f"this {other.what} was built too early as well", other.made[0])
            for other in (*pools, *locks)
            if other.what != event.what
        ]
        did, message = SAYS[event.what]
        user = Side(worker_name(trace, event.worker), did, event.used)
        yield finding(RULE, message, event.made[0], (user,), related, (event.token,))


def _guards(trace: Trace, lock: int) -> bool:
    """Whether a greenlet held the lock while it used a session: there it may have to wait."""
    greenlets = {strand for strand, began in trace.strands.items() if began.kind == "greenlet"}
    return any(lock in began.locks and began.strand in greenlets for began in trace.of(ev.Began))


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
    "lock": (
        "used a Session under the lock",
        "this lock was made before gevent patched threads: a greenlet that waits for it stops the whole "
        "thread, and an RLock keeps no greenlet of the thread out",
    ),
}


RULE = Rule(
    code="SG301",
    name="late-monkey-patch",
    says="scoped_session, pool or lock built before gevent patched threads",
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

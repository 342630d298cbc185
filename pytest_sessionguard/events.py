"""The event types: what was observed, as plain frozen data.

Events are named tuples and not frozen dataclasses because several are made for each ORM
operation: a named tuple of nine fields costs a quarter of a frozen dataclass (``bench/`` has the
figures). Tokens are numbers from one counter, never ``id()``; see ``observe/recorder.py``.

Who did it is always a strand (what the interpreter ran) and a worker (whose unit of work it was);
the two answer different questions and are never mixed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Site(NamedTuple):
    """A source line.

    ``path`` is relative to the pytest root with forward slashes, or to site-packages for library
    code; ``role`` is ``"app"``, ``"test"`` or ``"library"``.
    """

    path: str
    line: int
    function: str
    role: str = "app"


Stack = tuple[Site, ...]
"""Source lines of one call, innermost first, library code left out."""


class WorkerBegan(NamedTuple):
    """A unit of work: the test, or a request, context, thread, greenlet, task or job (``kind``).

    ``inside_test_context`` tells a request that the test sent within an application context of
    its own: nothing ends at the request's end then, and the test owns the scope.
    """

    worker: int
    kind: str
    label: str
    parent: int | None
    site: Site | None
    inside_test_context: bool = False


class WorkerEnded(NamedTuple):
    """A request answered, a nested context popped, a thread, greenlet, task or job finished."""

    worker: int


class StrandBegan(NamedTuple):
    """A strand met for the first time in this trace: thread, greenlet, task, job or callback.

    ``spawned`` is the line where its function met its arguments, and the lines around it;
    ``seen`` the clock with which it started.
    """

    strand: int
    kind: str
    label: str
    parent: int | None
    worker: int
    spawned: Stack
    seen: Mapping[int, int]


class StrandEnded(NamedTuple):
    """A thread, greenlet, task or job has run to its end."""

    strand: int


class Handed(NamedTuple):
    """A strand was given a session (or an instance of it) in arguments, closure or ``self``."""

    strand: int
    session: int
    site: Site


class SessionMade(NamedTuple):
    """A Session was made, or first met if it was made before the guard could see it.

    ``origin``: ``"import"`` (while a module of the app was imported, or the app started), ``"test"``
    (by test code),
    ``"app"``, or ``"unseen"``. ``registry`` is the registry that made it, if one did.
    """

    session: int
    label: str
    stack: Stack
    strand: int
    worker: int
    registry: int | None
    bound: bool
    origin: str
    shared_by_design: bool = False
    thread: int = 0


class Began(NamedTuple):
    """An outermost operation on a session began.

    ``via`` is ``"session"``, or ``"instance"`` when an attribute of one of its instances was
    loaded or changed. ``seen`` is the strand's clock, ``locks`` the user's locks it held.
    """

    number: int
    strand: int
    worker: int
    session: int
    action: str
    via: str
    stack: Stack
    seen: Mapping[int, int]
    locks: frozenset[int]
    thread: int = 0
    """the bare thread or greenlet under the strand, 0 for a task"""


class Ended(NamedTuple):
    """The operation ``number`` ended; ``tick`` is its place among its strand's operations."""

    number: int
    tick: int
    state: str


class LockTaken(NamedTuple):
    """A strand took a user's lock; ``released``: what others had done when they released it.

    Noted only when that is news to the strand; of a request also after work of its own.
    """

    lock: int
    strand: int
    worker: int
    released: Mapping[int, int]


class UsedEarlier(NamedTuple):
    """A request of an earlier test used this long-lived session."""

    session: int
    worker: int
    label: str
    action: str
    stack: Stack
    locks: frozenset[int]


class Published(NamedTuple):
    """Where a session (or a registry) is held: a module's name, an object's attribute, a closure."""

    session: int
    holder: str
    site: Site | None


class Kept(NamedTuple):
    """Who keeps the instance that was asked for in the event or operation with this ``number``.

    ``holder`` is a name of the app's, ``sites`` are the lines that may have stored it there.
    """

    number: int
    session: int | None
    holder: str
    sites: Stack


class Lasting(NamedTuple):
    """The app reaches this session by names alone, as ``holder`` says, in every request.

    ``by_name``: from a module, a class or the application; else a function closes over it.
    ``sites`` are lines that put something under one of these names, innermost name first,
    ``outermost`` those of the last name alone.
    """

    session: int
    holder: str
    by_name: bool
    sites: Stack
    outermost: Stack


class Borrowed(NamedTuple):
    """A worker took a session out of a queue."""

    session: int
    worker: int


class Resting(NamedTuple):
    """When it was looked up, nobody had the session: it lay in a list or queue, or was no more.

    ``kind`` is ``"queue"``, ``"list"`` or ``"gone"``; what lies in a queue is there to be taken.
    """

    session: int
    kind: str


class OwnerReturned(NamedTuple):
    """The function (or generator) that made and closed this session has returned.

    ``abandoned`` is the line that dropped the generator at its ``yield``: ``next(get_db())``.
    """

    session: int
    site: Site
    abandoned: Site | None = None


class OwnerLeft(NamedTuple):
    """A session was closed while a living task could still reach it through its locals."""

    session: int
    number: int
    strand: int
    task: int
    site: Site | None


class ForeignAttach(NamedTuple):
    """An instance was added to ``session`` while it was in ``home``."""

    session: int
    home: int
    instance: str
    strand: int
    worker: int
    stack: Stack
    number: int = 0


class DetachedAccess(NamedTuple):
    """DetachedInstanceError was raised: ``attribute`` of a detached ``instance`` was asked for."""

    number: int
    instance: str
    attribute: str
    strand: int
    worker: int
    stack: Stack
    seen: Mapping[int, int]
    session: int | None = None
    detached: int | None = None
    """number of the operation that detached it, if it was seen"""


class Recovered(NamedTuple):
    """What had been refused with this ``number`` was dealt with.

    The instance of a DetachedAccess was attached or merged, or its row loaded anew; that of a
    ForeignAttach was merged, or taken out of the other session first.
    """

    number: int


class Detached(NamedTuple):
    """Operation ``number`` took instances out of their session."""

    number: int
    session: int
    strand: int
    worker: int
    stack: Stack


class RegistryMade(NamedTuple):
    """A scoped_session (or async_scoped_session) was built."""

    registry: int
    stack: Stack
    keyed_by: str
    """``"thread"`` or the name of the user's scope function"""
    origin: str


class LatePatch(NamedTuple):
    """A registry or pool holds native thread primitives although gevent has patched threads."""

    what: str
    token: int
    made: Stack
    patched: Site | None
    used: Stack
    worker: int


class Looked(NamedTuple):
    """A strand got this session from a registry (noted once for strand, worker and session).

    ``explicit``: by calling the scoped_session, which gives the Session away; a method of the
    scoped_session only uses it. ``key``: ``"thread"``, ``"strand"`` (the scope function returned
    the thread, greenlet or task that runs) or ``"other"``.
    """

    registry: int
    session: int
    strand: int
    worker: int
    stack: Stack
    explicit: bool = False
    key: str = "thread"


class Removed(NamedTuple):
    """A registry let go of its session in the current scope."""

    registry: int
    session: int | None
    strand: int
    worker: int
    stack: Stack


class Configured(NamedTuple):
    """``configure(bind=...)`` on a registry that had handed out an unbound session in this scope."""

    registry: int
    session: int
    first: Stack
    stack: Stack


class PoolMade(NamedTuple):
    """A connection pool; ``limit`` is the most it gives out at once, None for no limit."""

    pool: int
    kind: str
    limit: int | None
    shared: bool
    """one connection serves everybody (StaticPool, SingletonThreadPool)"""


class CheckedOut(NamedTuple):
    """A connection left its pool, on behalf of ``session`` when a session operation asked for it.

    ``tick`` is the operation's place among its strand's, ``seen`` the strand's clock, ``locks``
    the user's locks it held.
    """

    connection: int
    pool: int
    session: int | None
    strand: int
    worker: int
    stack: Stack
    tick: int = 0
    seen: Mapping[int, int] = {}
    locks: frozenset[int] = frozenset()


class CheckedIn(NamedTuple):
    """A connection came back; ``by_collector`` when nothing but the garbage collector returned it."""

    connection: int
    pool: int
    by_collector: bool


class ForkedUse(NamedTuple):
    """A child process used its parent's session, or a connection of its parent's pool."""

    what: str
    session: int | None
    made: Stack
    forked: Stack
    stack: Stack


class Statement(NamedTuple):
    """A worker of a concurrent part is about to run a statement; ``writes`` what it does."""

    strand: int
    worker: int
    verb: str
    tables: tuple[str, ...]
    writes: bool
    stack: Stack


class TakesTurns(NamedTuple):
    """This worker is one of those of a concurrent ``part``, whose order the guard decides."""

    part: int
    worker: int


class HeldBy(NamedTuple):
    """Who holds what others wait for: ``what`` it does in words, and where it was taken."""

    strand: int
    worker: int
    what: str
    stack: Stack


class Waiting(NamedTuple):
    """A worker cannot go on: it waits for ``what`` at ``stack``, which is held by these.

    ``kind``: ``"lock"``, ``"database"``, ``"commit"``, ``"row"``, ``"pool"``, ``"worker"``, or
    ``"stale"`` for a read that is out of date. ``refused`` if it is the one that was told so, by an
    error or a timeout.
    """

    strand: int
    worker: int
    kind: str
    what: str
    stack: Stack
    held: tuple[HeldBy, ...]
    refused: bool = False


class Stuck(NamedTuple):
    """Nobody will let these go on, in the order in which they came to wait."""

    waiting: tuple[Waiting, ...]


class BodyFailed(NamedTuple):
    """The test's own body failed in this execution, with ``error`` at ``site``.

    ``passes_serially``: it did not when its workers ran one after the other.
    """

    error: str
    site: Site | None
    passes_serially: bool


class BodyEnded(NamedTuple):
    """The test's body has ended; its fixtures are taken down next."""


Event = (
    WorkerBegan
    | WorkerEnded
    | StrandBegan
    | StrandEnded
    | Handed
    | SessionMade
    | Began
    | Ended
    | LockTaken
    | UsedEarlier
    | Published
    | Kept
    | Lasting
    | Borrowed
    | Resting
    | OwnerReturned
    | OwnerLeft
    | ForeignAttach
    | DetachedAccess
    | Recovered
    | Detached
    | RegistryMade
    | LatePatch
    | Looked
    | Removed
    | Configured
    | PoolMade
    | CheckedOut
    | CheckedIn
    | ForkedUse
    | Statement
    | TakesTurns
    | Stuck
    | BodyFailed
    | BodyEnded
)

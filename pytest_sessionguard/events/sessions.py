"""Sessions: made, used, handed on, let go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pytest_sessionguard.events.places import Site, Stack


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


class Lasting(NamedTuple):
    """The app reaches this session by names alone, as ``holder`` says, in every request.

    ``by_name``: from a module, a class or the application; else a function closes over it.
    ``sites`` are lines that put something under one of these names, innermost name first,
    ``outermost`` those of the last name alone. ``by_application``: the application's own
    constructor stores it.
    """

    session: int
    holder: str
    by_name: bool
    sites: Stack
    outermost: Stack
    by_application: bool = False


class Replaced(NamedTuple):
    """A request's session was put where an ``earlier`` request's was, which all requests share.

    ``sites`` are lines that put something there.
    """

    session: int
    earlier: int
    holder: str
    sites: Stack


class Queued(NamedTuple):
    """A worker put a session of its own into a queue, alone or among other things."""

    session: int
    worker: int
    site: Site


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


class Abandoned(NamedTuple):
    """An asynchronous generator that has this session was dropped at its ``yield``, at ``site``.

    The loop ends it some time later. ``by_generator``: what dropped it is one, too, and passes on what
    it yields.
    """

    session: int
    site: Site
    by_generator: bool = False


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


class ForkedUse(NamedTuple):
    """A child process used its parent's session, or a connection of its parent's pool."""

    what: str
    session: int | None
    made: Stack
    forked: Stack
    stack: Stack

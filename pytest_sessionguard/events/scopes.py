"""Registries, and pools that were made before gevent patched."""

from __future__ import annotations

from typing import NamedTuple

from pytest_sessionguard.events.places import Site, Stack


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

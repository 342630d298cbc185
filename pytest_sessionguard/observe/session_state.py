"""What the guard knows of one live Session."""

from __future__ import annotations

import weakref
from types import FrameType
from typing import Any

from pytest_sessionguard import events as ev
from pytest_sessionguard.observe.recorder import Label
from pytest_sessionguard.observe.strand import Strand, Worker

_NOBODY: frozenset[int] = frozenset()
_NOT_LOOKED: frozenset[tuple[int, int, int, bool]] = frozenset()


KEY = "_sessionguard"
"""Under which name a Session carries its state."""


class SessionState:
    """One live Session; what is not set here, most sessions never have.

    ``user`` and ``worker`` began the last operation, whose ``number`` and ``stack`` are kept, and
    the user's ``frame`` until it ends; ``tick`` is the last one that ended. ``user`` is None once
    operations have overlapped. ``made_in`` is the epoch in which it was made. ``serves`` tells that
    a second request has just met it.
    """

    announced = -1
    registry: int | None = None
    early: ev.Configured | None = None
    earlier: ev.UsedEarlier | None = None
    left: ev.Site | None = None
    abandoned: ev.Site | None = None
    serves = False
    label: Label
    frame: FrameType | None = None
    number = 0
    stack: ev.Stack = ()
    worker: Worker | None = None

    user: Strand | None = None

    def __init__(
        self, token: int, session: weakref.ref[Any], made: ev.SessionMade, epoch: int
    ) -> None:
        self.token = token
        self.made_in = epoch
        self.session = session
        self.made = made
        self.imported = made.origin == "import"
        self.inside: list[Strand] = []

    def begin_trace(self, epoch: int) -> None:
        """Nobody has used the session in this trace yet."""
        self.announced = epoch
        self.user = None
        self.tick = 0
        self.met: frozenset[int] = _NOBODY
        self.workers: frozenset[int] = _NOBODY
        self.requests: frozenset[int] = _NOBODY
        self.looked: frozenset[tuple[int, int, int, bool]] = _NOT_LOOKED


class SessionRef(weakref.ref[Any]):
    """A weak reference that knows the session's key."""

    __slots__ = ("key",)

    key: int

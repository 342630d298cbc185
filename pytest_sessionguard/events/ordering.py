"""What happens while workers take turns."""

from __future__ import annotations

from typing import NamedTuple

from pytest_sessionguard.events.places import Site, Stack


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

"""What a strand that cannot go on tells whoever orders the workers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from pytest_sessionguard.events import Stack
from pytest_sessionguard.observe.strand import Strand, Worker


class Held(NamedTuple):
    """Somebody holds what others wait for.

    ``stack`` is where it was taken, if that was seen; ``what`` completes "worker 1 ...".
    """

    strand: Strand
    worker: Worker
    stack: Stack = ()
    what: str = ""


def _unknown() -> Sequence[Held] | None:
    return None


class Wanted(NamedTuple):
    """What is waited for, ``what`` in words; one object for each wait, however often it asks.

    ``kind`` is as of ``events.Waiting``, or ``"signal"`` for what anybody could give. ``held`` tells
    who could let go, each enough by itself; None when that is not known. ``seconds`` is the user's
    timeout. ``last``: it is given up last of all.
    """

    kind: str
    what: str
    is_free: Callable[[], bool]
    held: Callable[[], Sequence[Held] | None] = _unknown
    seconds: float | None = None
    last: bool = False


class Trip(Protocol):
    """A strand is where nobody can make it wait: in a driver that waits for its server, say."""

    done: bool
    """Whether it has come to its end."""

    is_kept: Callable[[], bool]
    """Asks whether it waits for somebody; else it goes on by itself, however long that takes."""

    is_lost: Callable[[], bool]
    """Asks whether it waits for somebody of whom nothing is known; else that will be told."""


class Abroad(Protocol):
    """What is told of a trip."""

    def waits(self, wanted: Wanted) -> None:
        """It is known by now what it waits for: others go on. Said from any thread."""

    def back(self) -> None:
        """The strand itself is back; returns when it has the turn."""

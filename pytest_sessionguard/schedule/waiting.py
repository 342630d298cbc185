"""What a worker that cannot go on waits for, and which of them nobody will ever let go on."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from enum import Enum
from typing import NamedTuple

NEVER = math.inf
"""The moment at which a wait without a timeout gives up."""

SPAWNER = -1
"""Stands for whoever started the workers, and goes on only when all of them have ended."""

Holders = Collection[int] | None
"""The workers that could let one go on, each by itself; None when that is not known."""


class Answer(Enum):
    """What a worker that asked to wait is told."""

    AGAIN = "others have gone on: try again"
    GIVE_UP = "nobody can go on: the time is over"
    IN_EARNEST = "somebody unknown may let it go on: wait as if there were no guard"


def _unknown() -> Holders:
    return None


class Wait(NamedTuple):
    """What a blocked worker waits for: in words, and whether it is free now.

    ``until`` is the moment at which it gives up, in seconds of the clock of ``Turns``, which moves
    only when nobody can go on. ``last`` waits are given up last: a COMMIT that SQLite refuses, say,
    is the victim of the statement that holds it up. ``undone``: what the worker did since its last
    yield point was an attempt that left no trace.
    """

    what: str
    is_free: Callable[[], bool]
    until: float = NEVER
    last: bool = False
    holders: Callable[[], Holders] = _unknown
    undone: bool = False


def deadlocked(waiting: Mapping[int, Holders], gone: Collection[int]) -> set[int]:
    """The waiting workers that nobody can let go on: all who could are among them, or ``gone``.

    One of several holders is enough to go on (a pool has many connections), so this looks for a
    knot and not for a cycle. Source: E. G. Coffman et al., "System Deadlocks" (1971); R. C. Holt,
    "Some Deadlock Properties of Computer Systems" (1972).
    """
    stuck = {number for number, holders in waiting.items() if holders}
    while True:
        hopeless = stuck.union(gone)
        hopeful = {number for number in stuck if not hopeless.issuperset(waiting[number] or ())}
        if not hopeful:
            return stuck
        stuck -= hopeful

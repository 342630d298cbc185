"""The random search: a serial order, one in lockstep, then a random worker at each decision."""

from __future__ import annotations

import random
from collections.abc import Sequence

from pytest_sessionguard.schedule.strategy import (
    ENDLESS,
    Base,
    Coverage,
    Execution,
    Schedule,
    Segment,
)


class Uniform:
    """Draws at each decision, with a seed; never ends by itself."""

    name = "random"
    preemptions = None

    def __init__(self, seed: int = 0) -> None:
        self._dice = random.Random(seed)
        self._ran = 0

    def next(self) -> Schedule | None:
        """No choice is made beforehand."""
        return ()

    def beyond(
        self, base: Base, segments: Sequence[Segment], able: tuple[int, ...], free: bool
    ) -> int:
        """The plain choice at first, which shows what is usual; then the next in line, then any."""
        del base, free
        if self._ran == 0:
            return 0
        return _next_in_line(segments, able) if self._ran == 1 else self._dice.randrange(len(able))

    def ran(self, execution: Execution) -> None:
        """Go on with the next."""
        del execution
        self._ran += 1

    def coverage(self) -> Coverage:
        """Drawing shows some orders, never all."""
        return ENDLESS


def _next_in_line(segments: Sequence[Segment], able: tuple[int, ...]) -> int:
    """Whoever follows the one that ran last. What all read before they write shows itself so."""
    last = segments[-1].worker if segments else -1
    return min(range(len(able)), key=lambda place: (able[place] <= last, able[place]))

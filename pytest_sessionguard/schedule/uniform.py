"""The random search: after the serial order, a random worker goes on at each decision."""

from __future__ import annotations

import random
from collections.abc import Sequence

from pytest_sessionguard.schedule.strategy import Base, Execution, Schedule, Segment


class Uniform:
    """Draws at each decision, with a seed; never ends by itself."""

    name = "random"

    def __init__(self, seed: int = 0) -> None:
        self._dice = random.Random(seed)
        self._serial = True

    def next(self) -> Schedule | None:
        """No choice is made beforehand."""
        return ()

    def beyond(
        self, base: Base, segments: Sequence[Segment], able: tuple[int, ...], free: bool
    ) -> int:
        """Any of the workers; the plain choice in the first execution, which shows what is usual."""
        del base, segments, free
        return 0 if self._serial else self._dice.randrange(len(able))

    def ran(self, execution: Execution) -> None:
        """Go on at random."""
        del execution
        self._serial = False

    @property
    def preemptions(self) -> int | None:
        """As many as are drawn."""
        return None

    @property
    def is_exhausted(self) -> bool:
        """There is always another one to draw."""
        return False

    @property
    def estimate(self) -> int | None:
        """Nobody counts them."""
        return None

    @property
    def complete(self) -> bool:
        """Drawing shows some orders, never all."""
        return False

    @property
    def cut(self) -> str | None:
        """Nothing but the number of executions."""
        return None

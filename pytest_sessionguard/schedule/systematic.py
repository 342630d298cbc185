"""The default: serial orders, then the reduced search with some random orders in between.

Serial orders say whether the test passes at all. Random ones do not know what commutes, so they may
show what the guard cannot see: state of the code under test that is neither in a Session nor in a
database. The reduced search goes on alone, and may end by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_sessionguard.schedule.bounded import Bounded
from pytest_sessionguard.schedule.reduced import Reduced
from pytest_sessionguard.schedule.strategy import Base, Execution, Schedule, Segment, Strategy
from pytest_sessionguard.schedule.uniform import Uniform

SERIAL = 5
"""Serial orders at most, besides the first; three workers that differ have as many."""

RANDOM = 8
"""Random orders."""


class Systematic:
    """Serial and random orders, and the reduced search with at most ``preemptions`` or any number."""

    name = "systematic"

    def __init__(self, seed: int = 0, preemptions: int | None = None) -> None:
        self.reduced = Reduced(preemptions)
        self._serial = Bounded(0)
        self._random = Uniform(seed)
        self._running: Strategy = self.reduced
        self._plan = self._planned()
        self._alone = self._has_first = False
        self._besides = 0

    def next(self) -> Schedule | None:
        """The next schedule of the strategy whose turn it is."""
        for strategy in self._plan:
            if (schedule := strategy.next()) is not None:
                self._running = strategy
                return schedule
        return None

    def _planned(self) -> Iterator[Strategy]:
        """Whom to ask, one after the other."""
        yield self.reduced
        for _ in range(SERIAL):
            yield self._serial
        for _ in range(RANDOM):
            yield self.reduced
            if not self._alone:
                yield self._random
        while not self.reduced.is_exhausted:
            yield self.reduced

    def beyond(
        self, base: Base, segments: Sequence[Segment], able: tuple[int, ...], free: bool
    ) -> int:
        """The choice of the strategy whose turn it is."""
        return self._running.beyond(base, segments, able, free)

    def ran(self, execution: Execution) -> None:
        """Tell the strategy whose turn it was; the first execution is also the first serial one."""
        self._running.ran(execution)
        self._besides += self._running is not self.reduced
        if not self._has_first:
            self._has_first = True
            self._serial.next()
            self._serial.ran(execution)
            self._random.ran(execution)
            self._alone = not execution.decisions

    @property
    def preemptions(self) -> int | None:
        """The bound of the reduced search."""
        return self.reduced.preemptions

    @property
    def is_exhausted(self) -> bool:
        """Whether the reduced search has come to its end."""
        return self.reduced.is_exhausted

    @property
    def estimate(self) -> int | None:
        """About how many executions it all takes."""
        return self.reduced.estimate + self._besides

    @property
    def complete(self) -> bool:
        """Whether one order of each class has been tried."""
        return self.reduced.complete

    @property
    def cut(self) -> str | None:
        """What cut the reduced search."""
        return self.reduced.cut

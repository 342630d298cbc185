"""The default: the reduced search, with a few orders besides that it would not try.

*Blind* orders (one in lockstep, then random ones) do not know what commutes, so they may show what
the guard cannot see: state of the code under test that is neither in a Session nor in a database. The
serial orders are the ones that a reader expects. Both are in proportion to the classes found, so that
a small program costs little; one blind order is tried of each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_sessionguard.schedule.bounded import Bounded
from pytest_sessionguard.schedule.reduced import Reduced
from pytest_sessionguard.schedule.strategy import (
    Base,
    Coverage,
    Execution,
    Schedule,
    Segment,
    Strategy,
)
from pytest_sessionguard.schedule.uniform import Uniform

SERIAL = 5
"""Serial orders at most, besides the first; three workers that differ have as many."""

BLIND = 8
"""Blind orders at most."""


class Systematic:
    """The reduced search with at most ``preemptions`` or any number, and what is tried besides it."""

    name = "systematic"

    def __init__(self, seed: int = 0, preemptions: int | None = None) -> None:
        self.preemptions = preemptions
        self.reduced = Reduced(preemptions)
        self._serial = Bounded(0)
        self._blind = Uniform(seed)
        self._running: Strategy = self.reduced
        self._others = self._besides()
        self._ran = self._ran_besides = 0
        self._share = 0.5

    def next(self) -> Schedule | None:
        """The next schedule, of those besides when there have been classes enough for one more."""
        if self._ran_besides < _allowed(self.reduced.classes, self._share):
            for other in self._others:
                if (schedule := other.next()) is not None:
                    self._running = other
                    return schedule
        self._running = self.reduced
        return self.reduced.next()

    def _besides(self) -> Iterator[Strategy]:
        """Whom to ask for one more besides: the order in lockstep comes before the serial ones."""
        yield self._blind
        for _ in range(SERIAL):
            yield self._serial
        for _ in range(BLIND - 1):
            yield self._blind

    def beyond(
        self, base: Base, segments: Sequence[Segment], able: tuple[int, ...], free: bool
    ) -> int:
        """The choice of the strategy whose turn it is."""
        return self._running.beyond(base, segments, able, free)

    def ran(self, execution: Execution) -> None:
        """Tell the strategy whose turn it was; the first execution is also the first serial one."""
        self._running.ran(execution)
        self._ran += 1
        self._ran_besides += self._running is not self.reduced
        if self._ran > 1:
            return
        self._serial.next()
        self._serial.ran(execution)
        self._blind.ran(execution)
        if not execution.decisions:
            self._others = iter(())
        if len({segment.worker for segment in execution.segments}) > 2:
            self._share = 1.0

    def coverage(self) -> Coverage:
        """That of the reduced search, with what is tried besides it in the estimate."""
        to_come = min(_allowed(self.reduced.estimate, self._share), SERIAL + BLIND)
        estimate = self.reduced.estimate + max(to_come, self._ran_besides)
        return self.reduced.coverage()._replace(estimate=estimate)


def _allowed(classes: int, share: float) -> int:
    """How many executions besides, for so many classes: at least the one in lockstep."""
    return max(int(classes * share), 1) if classes else 0

"""The search by priorities: the worker with the highest goes on, and now and then it loses it.

With ``DEPTH`` - 1 changes at random places it finds each bug that needs so few orderings with a known
chance, however long the workers are.

Source: S. Burckhardt, P. Kothari, M. Musuvathi, S. Nagarakatte, "A Randomized Scheduler with
Probabilistic Guarantees of Finding Bugs" (ASPLOS 2010).
"""

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

DEPTH = 3


class Pct:
    """Draws priorities and places of change for each execution, with a seed; never ends by itself."""

    name = "pct"
    preemptions = None

    def __init__(self, seed: int = 0) -> None:
        self._dice = random.Random(seed)
        self._serial = True
        self._length = 1
        self._made = 0
        self._changes: set[int] = set()
        self._priorities: dict[int, float] = {}

    def next(self) -> Schedule | None:
        """No choice is made beforehand."""
        self._made, self._priorities = 0, {}
        self._changes = {self._dice.randrange(self._length) for _ in range(DEPTH - 1)}
        return ()

    def beyond(
        self, base: Base, segments: Sequence[Segment], able: tuple[int, ...], free: bool
    ) -> int:
        """The worker with the highest priority; the plain choice in the first execution."""
        del segments, free
        if self._serial:
            return 0
        workers = [worker + base.workers for worker in able]
        for worker in workers:
            self._priorities.setdefault(worker, self._dice.random())
        best = max(workers, key=self._priorities.__getitem__)
        if self._made in self._changes:
            self._priorities[best] = -self._dice.random()
            best = max(workers, key=self._priorities.__getitem__)
        self._made += 1
        return workers.index(best)

    def ran(self, execution: Execution) -> None:
        """Learn how many decisions there are."""
        self._serial = False
        self._length = max(len(execution.decisions), 1)

    def coverage(self) -> Coverage:
        """Drawing shows some orders, never all."""
        return ENDLESS

"""What a search strategy is given and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from pytest_sessionguard.schedule.footprints import EMPTY, Footprint

Schedule = tuple[int, ...]
"""The choices at the decisions of one execution, in order; what is left out is 0.

0 is what would happen without us: whoever runs goes on, and the next in line follows.
"""


class Step(NamedTuple):
    """A worker reached a yield point: ``name`` is the operation or the statement."""

    worker: int
    name: str


class Decision(NamedTuple):
    """A place where more than one worker could go on.

    ``step`` counts the steps taken before it. ``able`` are the workers that could go on, the one
    that has the turn first. ``chosen`` is a place in ``able``. ``free``: whoever had the turn could
    not go on, so that choosing another takes the turn from nobody.
    """

    step: int
    able: tuple[int, ...]
    chosen: int
    free: bool

    @property
    def is_preemption(self) -> bool:
        """Whether the turn was taken from a worker that could have gone on."""
        return self.chosen > 0 and not self.free


class Base(NamedTuple):
    """What came before a concurrent part of a test: so many parts, workers and decisions."""

    part: int = 0
    workers: int = 0
    decisions: int = 0


class Segment(NamedTuple):
    """What a worker did from one yield point to the next.

    ``able`` are the workers that could have had the turn instead, as in ``Decision``, and ``place``
    is the number of that decision, None where there was no other worker. ``undone``: it tried what
    it could not do, and will do all of it later. ``line`` names a worker's child, whose number
    hangs on the order of the workers.
    """

    worker: int
    able: tuple[int, ...]
    place: int | None
    free: bool
    footprint: Footprint = EMPTY
    undone: bool = False
    part: int = 0
    line: str = ""

    def after(self, base: Base) -> Segment:
        """The same with the numbers that it has in the whole execution."""
        return self._replace(
            worker=self.worker + base.workers,
            able=tuple(worker + base.workers for worker in self.able),
            place=None if self.place is None else self.place + base.decisions,
            part=base.part,
        )


class Execution(NamedTuple):
    """One run of the workers: the schedule that was asked for, and what came of it.

    ``uncontrolled`` counts the times that a worker waited for something the guard does not know;
    ``renamed`` when what it touched has other names than in the executions before.
    """

    schedule: Schedule
    steps: tuple[Step, ...]
    decisions: tuple[Decision, ...]
    uncontrolled: int = 0
    segments: tuple[Segment, ...] = ()
    renamed: bool = False

    @property
    def is_serial(self) -> bool:
        """Whether the plain choice was made everywhere."""
        return not any(decision.chosen for decision in self.decisions)

    @property
    def choices(self) -> Schedule:
        """What was chosen, without the zeros at the end."""
        chosen = [decision.chosen for decision in self.decisions]
        while chosen and chosen[-1] == 0:
            chosen.pop()
        return tuple(chosen)


class Coverage(NamedTuple):
    """How far a search has come.

    ``exhausted``: nothing is left to try. ``complete``: every order of the program has been tried, or
    one like it in all that is seen. ``cut`` is what kept orders from being tried, other than how many
    executions there may be. ``estimate`` is about how many the whole search takes, None when nobody
    knows.
    """

    exhausted: bool = False
    complete: bool = False
    cut: str | None = None
    estimate: int | None = None


ENDLESS = Coverage()
"""Of orders that are drawn: there is always another one, and nobody counts them."""


class Strategy(Protocol):
    """Which schedules to try, one after the other."""

    name: str

    @property
    def preemptions(self) -> int | None:
        """The most preemptions in one schedule, None for any number."""

    def next(self) -> Schedule | None:
        """The next schedule; None when there is none left."""

    def beyond(
        self, base: Base, segments: Sequence[Segment], able: tuple[int, ...], free: bool
    ) -> int:
        """A choice at a decision beyond the schedule's own: a place in ``able``.

        ``segments`` are those of this concurrent part so far, with its own numbers.
        """

    def ran(self, execution: Execution) -> None:
        """What came of the schedule that ``next`` gave out last."""

    def coverage(self) -> Coverage:
        """How far the search has come."""


def goes_on(base: Base, segments: Sequence[Segment], able: tuple[int, ...], free: bool) -> int:
    """The plain choice: whoever has the turn goes on, and the next in line follows."""
    del base, segments, able, free
    return 0

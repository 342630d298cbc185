"""What a search strategy is given and what it answers."""

from __future__ import annotations

from typing import NamedTuple, Protocol

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


class Execution(NamedTuple):
    """One run of the workers: the schedule that was asked for, and what came of it.

    ``uncontrolled`` counts the times that a worker waited for something the guard does not know.
    """

    schedule: Schedule
    steps: tuple[Step, ...]
    decisions: tuple[Decision, ...]
    uncontrolled: int = 0

    @property
    def choices(self) -> Schedule:
        """What was chosen, without the zeros at the end."""
        chosen = [decision.chosen for decision in self.decisions]
        while chosen and chosen[-1] == 0:
            chosen.pop()
        return tuple(chosen)


class Strategy(Protocol):
    """Which schedules to try, one after the other."""

    name: str

    def next(self) -> Schedule | None:
        """The next schedule; None when there is none left."""

    def ran(self, execution: Execution) -> None:
        """What came of the schedule that ``next`` gave out last."""

    @property
    def complete(self) -> bool:
        """Whether every order of this program has been tried."""

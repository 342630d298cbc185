"""What an execution has been so far: its steps, its decisions, and who touched what in between."""

from __future__ import annotations

from pytest_sessionguard.schedule.footprints import Notes
from pytest_sessionguard.schedule.states import State
from pytest_sessionguard.schedule.strategy import Decision, Execution, Schedule, Segment, Step


class Record:
    """The steps, decisions and segments of ``count`` workers and their children, as they come."""

    def __init__(self, count: int) -> None:
        self.steps: list[Step] = []
        self.decisions: list[Decision] = []
        self.segments: list[Segment] = []
        self.notes = Notes(count)
        self._able: tuple[int, ...] = ()
        self._place: int | None = None
        self._free = True

    def step(self, state: State, name: str) -> None:
        """A worker, or its child, has come to a yield point."""
        self.steps.append(Step(state.root, state.named(name)))

    def decide(self, able: tuple[int, ...], index: int, free: bool) -> None:
        """The turn goes to ``able[index]``; see ``Decision``."""
        self._able, self._place, self._free = able, len(self.decisions), free
        self.decisions.append(Decision(len(self.steps), able, index, free))

    def give(self, number: int, free: bool = True) -> None:
        """The turn goes to the only one that can have it: that decides nothing."""
        self._able, self._place, self._free = (number,), None, free

    def end_segment(self, state: State, undone: bool = False) -> None:
        """Whoever had the turn has come as far as it can."""
        footprint = self.notes.close(state.number, undone)
        self.segments.append(
            Segment(
                state.number, self._able, self._place, self._free, footprint, undone, 0, state.line
            )
        )

    def execution(self, schedule: Schedule, uncontrolled: int) -> Execution:
        """All of it, as what came of ``schedule``."""
        return Execution(
            schedule, tuple(self.steps), tuple(self.decisions), uncontrolled,
            tuple(self.segments), self.notes.renamed,
        )  # fmt: skip

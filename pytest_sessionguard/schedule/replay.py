"""The replay: one schedule, and where it left the way that it took before."""

from __future__ import annotations

from typing import NamedTuple

from pytest_sessionguard.schedule.strategy import Execution, Schedule, Step, goes_on


class Drift(NamedTuple):
    """Step ``number`` (from 1) was another than the recorded one; None for one that is missing."""

    number: int
    expected: Step | None
    seen: Step | None


class Replay:
    """Runs one schedule once."""

    name = "replay"
    beyond = staticmethod(goes_on)

    def __init__(self, schedule: Schedule) -> None:
        self._schedule: Schedule | None = schedule

    def next(self) -> Schedule | None:
        """The schedule, the first time."""
        schedule, self._schedule = self._schedule, None
        return schedule

    def ran(self, execution: Execution) -> None:
        """Nothing follows from it; ``drift`` tells whether it went its recorded way."""

    @property
    def preemptions(self) -> int | None:
        """As many as are recorded."""
        return None

    @property
    def is_exhausted(self) -> bool:
        """Whether it has been repeated."""
        return self._schedule is None

    @property
    def estimate(self) -> int | None:
        """It takes one execution."""
        return 1

    @property
    def complete(self) -> bool:
        """One schedule is not every order."""
        return False

    @property
    def cut(self) -> str | None:
        """It is no search."""
        return "replay"


def drift(expected: tuple[Step, ...], seen: tuple[Step, ...]) -> Drift | None:
    """The first step that differs."""
    for number in range(max(len(expected), len(seen))):
        one = expected[number] if number < len(expected) else None
        other = seen[number] if number < len(seen) else None
        if one != other:
            return Drift(number + 1, one, other)
    return None


def told(drift: Drift) -> str:
    """In words, and what to do."""
    return (
        f"sessionguard: the replay left its recorded way at step {drift.number}: expected "
        f"{_named(drift.expected)}, seen {_named(drift.seen)}. The test or the code under test "
        "has changed since; search again without --sessionguard-replay"
    )


def _named(step: Step | None) -> str:
    return f"worker {step.worker}: {step.name}" if step is not None else "nothing more"

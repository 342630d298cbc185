"""The replay: one schedule, and where it left the way that it took before."""

from __future__ import annotations

from typing import NamedTuple

from pytest_sessionguard.schedule.strategy import Coverage, Execution, Schedule, Step, goes_on


class Drift(NamedTuple):
    """Step ``number`` (from 1) was another than the recorded one; None for one that is missing."""

    number: int
    expected: Step | None
    seen: Step | None


class Replay:
    """Runs one schedule once."""

    name = "replay"
    preemptions = None
    beyond = staticmethod(goes_on)

    def __init__(self, schedule: Schedule) -> None:
        self._schedule: Schedule | None = schedule

    def next(self) -> Schedule | None:
        """The schedule, the first time."""
        schedule, self._schedule = self._schedule, None
        return schedule

    def ran(self, execution: Execution) -> None:
        """Nothing follows from it; ``drift`` tells whether it went its recorded way."""

    def coverage(self) -> Coverage:
        """It is no search: one schedule is not every order."""
        return Coverage(exhausted=self._schedule is None, cut="replay", estimate=1)


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

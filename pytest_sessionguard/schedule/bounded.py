"""The bounded search: every schedule with no preemption, then with one, then with two.

Each schedule is tried once: it deviates from one that ran before at a decision beyond that one's
own choices. Within a bound the search is depth first and begins in the middle of an execution,
where the workers have begun and none has ended.

Source: M. Musuvathi, S. Qadeer, "Iterative Context Bounding for Systematic Testing of
Multithreaded Programs" (PLDI 2007): most bugs need one or two preemptions.
"""

from __future__ import annotations

from collections.abc import Iterator

from pytest_sessionguard.schedule.strategy import Coverage, Execution, Schedule, goes_on


class Bounded:
    """Depth first over schedules with at most ``preemptions`` preemptions, fewest first."""

    name = "bounded"
    beyond = staticmethod(goes_on)

    def __init__(self, preemptions: int = 2) -> None:
        self.preemptions = preemptions
        self._waiting: list[list[Schedule]] = [[()], *([] for _ in range(preemptions))]
        self._cut = False

    def next(self) -> Schedule | None:
        """The next schedule, from the lowest bound that has one left."""
        for schedules in self._waiting:
            if schedules:
                return schedules.pop()
        return None

    def ran(self, execution: Execution) -> None:
        """Put the deviations from this execution in line."""
        found: dict[int, list[Schedule]] = {}
        for cost, schedule in deviations(execution):
            found.setdefault(cost, []).append(schedule)
        for cost, schedules in found.items():
            if cost < len(self._waiting):
                self._waiting[cost] += _middle_last(schedules)
            else:
                self._cut = True

    def coverage(self) -> Coverage:
        """Complete when nothing is left and no bound cut anything off."""
        exhausted = not any(self._waiting)
        cut = "preemptions" if self._cut else None
        return Coverage(exhausted, exhausted and not self._cut, cut)


def deviations(execution: Execution) -> Iterator[tuple[int, Schedule]]:
    """(number of preemptions, schedule) for each other choice beyond the schedule's own."""
    chosen = [decision.chosen for decision in execution.decisions]
    cost = 0
    for place, decision in enumerate(execution.decisions):
        if place >= len(execution.schedule):
            for other in range(len(decision.able)):
                if other != decision.chosen:
                    taken = 0 if decision.free or other == 0 else 1
                    yield cost + taken, (*chosen[:place], other)
        cost += decision.is_preemption


def _middle_last(schedules: list[Schedule]) -> list[Schedule]:
    """The schedules that deviate in the middle last, since the last are tried first."""
    middle = (len(schedules[0]) + len(schedules[-1])) / 2
    return sorted(schedules, key=lambda schedule: -abs(len(schedule) - middle))

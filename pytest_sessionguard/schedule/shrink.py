"""Makes a failing schedule simpler: fewer preemptions, fewer choices, fewer steps.

A schedule is a sequence of choices in which 0 is what would happen without us, so the simpler one is
the shorter one with more zeros; each candidate is run to see whether it fails in the same way.

Source: D. R. MacIver, A. F. Donaldson, "Test-Case Reduction via Test-Case Generation: Insights from
the Hypothesis Reducer" (ECOOP 2020): shrink the choices, not what came of them.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from itertools import pairwise

from pytest_sessionguard.schedule.strategy import Execution, Schedule

Shrinking = Generator[Schedule, Execution | None, None]


def shrinking(failed: Execution, passed: Iterable[Schedule] = ()) -> Shrinking:
    """Schedules to run: first the failing one again, then simpler ones.

    ``passed`` are known not to fail. Send what came of each, or None when it did not fail in the
    same way. Ends when nothing simpler fails; at once when the first one does not fail again.
    """
    again = yield failed.choices
    if again is None:
        return
    best, tried = again, {failed.choices, again.choices, *passed}
    while True:
        for schedule in simpler(best):
            if schedule in tried:
                continue
            tried.add(schedule)
            seen = yield schedule
            if seen is not None and cost(seen) < cost(best):
                best = seen
                tried.add(seen.choices)
                break
        else:
            return


def cost(execution: Execution) -> tuple[int, int, int, int]:
    """What a reader has to follow: preemptions, switches, choices, steps."""
    preemptions = sum(decision.is_preemption for decision in execution.decisions)
    workers = [step.worker for step in execution.steps]
    switches = sum(one != other for one, other in pairwise(workers))
    choices = execution.choices
    return preemptions, switches, sum(map(bool, choices)), len(choices)


def simpler(execution: Execution) -> Iterator[Schedule]:
    """Candidates, those that leave out most first: shorter ones, then single choices undone."""
    choices = execution.choices
    size = len(choices)
    while size:
        for start in range(len(choices) - size, -1, -size):
            yield _without_end((*choices[:start], *(0,) * size, *choices[start + size :]))
        size //= 2
    for place, chosen in enumerate(choices):
        if chosen > 1:
            yield (*choices[:place], chosen - 1, *choices[place + 1 :])


def _without_end(choices: Schedule) -> Schedule:
    end = len(choices)
    while end and choices[end - 1] == 0:
        end -= 1
    return choices[:end]

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_sessionguard.schedule.shrink import cost, shrinking, simpler
from pytest_sessionguard.schedule.strategy import Decision, Execution, Schedule, Step


def ran(schedule: Schedule) -> Execution:
    """Two workers, a decision at each step; a choice of 1 takes the turn."""
    steps, decisions, holder = [], [], 0
    for place in range(12):
        chosen = schedule[place] if place < len(schedule) else 0
        decisions.append(Decision(place, (holder, 1 - holder), chosen, False))
        holder = 1 - holder if chosen else holder
        steps.append(Step(holder, "step"))
    return Execution(schedule, tuple(steps), tuple(decisions))


def shrunk(failed: Schedule, fails: Callable[[Schedule], bool]) -> tuple[Schedule, int]:
    """The simplest schedule found, and the number of executions."""
    process = shrinking(ran(failed))
    schedule, best, count = next(process), failed, 0
    while True:
        count += 1
        again = ran(schedule) if fails(schedule) else None
        if again is not None and cost(again) <= cost(ran(best)):
            best = again.choices
        try:
            schedule = process.send(again)
        except StopIteration:
            return best, count


def test_only_the_preemption_that_matters_is_left():
    best, _ = shrunk((1, 0, 1, 1, 0, 1, 0, 1), lambda s: len(s) > 3 and s[3] == 1)
    assert best == (0, 0, 0, 1)


def test_two_that_matter_together_are_both_kept():
    best, _ = shrunk((1, 1, 0, 1, 0, 1), lambda s: len(s) > 3 and s[1] == 1 and s[3] == 1)
    assert best == (0, 1, 0, 1)


def test_what_fails_in_every_order_is_told_in_the_serial_one():
    assert shrunk((0, 1, 1), lambda s: True) == ((), 2)


def test_a_failure_that_does_not_come_again_is_given_up():
    process = shrinking(ran((0, 1)))
    assert next(process) == (0, 1)
    with pytest.raises(StopIteration):
        process.send(None)


def test_no_schedule_is_tried_twice():
    tried: list[Schedule] = []

    def fails(schedule: Schedule) -> bool:
        tried.append(schedule)
        return sum(schedule) >= 3

    best, _ = shrunk((1, 1, 1, 1, 1, 1), fails)

    assert sum(best) == 3
    assert len(tried) == len(set(tried))


def test_a_later_worker_is_replaced_by_an_earlier_one():
    execution = Execution((2,), (Step(0, "s"),), (Decision(0, (0, 1, 2), 2, False),))
    assert list(simpler(execution)) == [(), (1,)]

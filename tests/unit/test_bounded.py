"""The bounded search against brute force over tiny programs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from pytest_sessionguard.schedule.bounded import Bounded, deviations
from pytest_sessionguard.schedule.strategy import Decision, Execution, Schedule
from unit.turning import Table, Work, Worker, stepping

Order = tuple[int, ...]


def searched(
    search: Bounded, *works: Work, alike: bool = False, most: int = 5000
) -> list[tuple[Schedule, Order, int]]:
    """(schedule, order, preemptions) of each execution of a program."""
    found = []
    while (schedule := search.next()) is not None:
        table = Table(*works, schedule=schedule, alike=alike)
        execution = table.run()
        assert table.turns.is_finished()
        search.ran(execution)
        cost = sum(decision.is_preemption for decision in execution.decisions)
        found.append((schedule, tuple(table.log), cost))
        assert len(found) < most, "no end"
    return found


def orders(parts: Order, before: Order = ()) -> Iterator[Order]:
    """Every order in which workers can do so many parts each."""
    if not any(parts):
        yield before
    for worker, left in enumerate(parts):
        if left:
            rest = (*parts[:worker], left - 1, *parts[worker + 1 :])
            yield from orders(rest, (*before, worker))


def preemptions(order: Order) -> int:
    """How often the turn goes to another although whoever has it has parts left."""
    pairs = enumerate(itertools.pairwise(order), 1)
    return sum(one != other and one in order[place:] for place, (one, other) in pairs)


PROGRAMS = [(1, 1), (2, 2), (3, 1), (0, 3), (3, 3), (1, 1, 1), (2, 0, 1)]


@pytest.mark.parametrize("bound", [0, 1, 2, 3])
@pytest.mark.parametrize("steps", PROGRAMS, ids=str)
def test_it_finds_every_order_within_the_bound_and_each_once(steps, bound):
    search = Bounded(bound)
    found = [order for _, order, _ in searched(search, *map(stepping, steps))]
    parts = tuple(count + 1 for count in steps)
    everything = list(orders(parts))
    wanted = {order for order in everything if preemptions(order) <= bound}
    assert len(found) == len(set(found)), "an order was tried twice"
    assert set(found) == wanted
    assert search.coverage().complete == (len(wanted) == len(everything))


@pytest.mark.parametrize("steps", [(2, 2), (1, 1, 1)], ids=str)
def test_of_workers_alike_one_order_stands_for_those_with_the_names_exchanged(steps):
    search = Bounded(9)
    found = [order for _, order, _ in searched(search, *map(stepping, steps), alike=True)]
    everything = orders(tuple(count + 1 for count in steps))

    def renamed(order: Order) -> Order:
        names = {worker: number for number, worker in enumerate(dict.fromkeys(order))}
        return tuple(names[worker] for worker in order)

    assert len(found) == len(set(found))
    assert set(found) == {renamed(order) for order in everything}
    assert search.coverage().complete


def test_fewer_preemptions_come_first():
    costs = [cost for _, _, cost in searched(Bounded(3), stepping(3), stepping(3))]
    assert costs == sorted(costs)
    assert set(costs) == {0, 1, 2, 3}


def test_no_schedule_is_given_out_twice():
    schedules = [schedule for schedule, _, _ in searched(Bounded(2), stepping(4), stepping(4))]
    assert len(schedules) == len(set(schedules))


def test_the_first_preemption_is_tried_in_the_middle():
    found = searched(Bounded(1), stepping(8), stepping(8))
    first = next(order for _, order, cost in found if cost == 1)
    assert first.index(1 - first[0]) in (4, 5), first


def test_waits_need_no_preemption_and_every_outcome_is_found():
    """Two workers that take a lock twice: who comes in when, compared with a count by hand."""

    def program() -> tuple[Work, list[int]]:
        held: list[int] = []
        inside: list[int] = []

        def work(worker: Worker) -> None:
            for _ in range(2):
                while held:
                    assert worker.wait(lambda: not held)
                held.append(worker.number)
                worker.turns.point(worker.number, "inside")
                inside.append(worker.number)
                held.clear()
                worker.turns.point(worker.number, "outside")

        return work, inside

    search, outcomes, count = Bounded(4), set(), 0
    while (schedule := search.next()) is not None:
        work, inside = program()
        table = Table(work, work, schedule=schedule)
        search.ran(table.run())
        assert table.turns.is_finished()
        assert table.turn.given_up is None
        outcomes.add(tuple(inside))
        count += 1
    assert outcomes == set(orders((2, 2)))
    assert count > len(outcomes)


# -- by hand: deviations of one execution --------------------------------------------------------


def decision(step: int, able: Order, chosen: int = 0, free: bool = False) -> Decision:
    return Decision(step, able, chosen, free)


def test_an_execution_deviates_beyond_its_own_schedule_only():
    decisions = (decision(0, (0, 1), free=True), decision(1, (0, 1), 1), decision(2, (1, 0)))
    assert list(deviations(Execution((0, 1), (), decisions))) == [(2, (0, 1, 1))]


def test_a_free_choice_costs_nothing_and_another_one_a_preemption():
    decisions = (decision(0, (0, 1), free=True), decision(1, (0, 1)))
    assert list(deviations(Execution((), (), decisions))) == [(0, (1,)), (1, (0, 1))]


def test_of_three_that_are_able_two_are_deviations():
    assert list(deviations(Execution((), (), (decision(0, (1, 0, 2)),)))) == [(1, (1,)), (1, (2,))]


def test_what_the_bound_cuts_off_is_not_complete():
    search = Bounded(0)
    assert search.next() == ()
    search.ran(Execution((), (), (decision(0, (0, 1)),)))
    assert search.next() is None
    assert not search.coverage().complete


def test_a_program_without_a_decision_is_complete_after_one_execution():
    search = Bounded(2)
    assert search.next() == ()
    search.ran(Execution((), (), ()))
    assert search.next() is None
    assert search.coverage().complete

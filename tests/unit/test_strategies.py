"""The strategies that draw, the default one, and their names."""

from __future__ import annotations

import itertools

import pytest

from pytest_sessionguard.concurrency import STRATEGIES
from pytest_sessionguard.schedule.pct import Pct
from pytest_sessionguard.schedule.reduced import Reduced
from pytest_sessionguard.schedule.strategies import make
from pytest_sessionguard.schedule.strategy import Base, Strategy
from pytest_sessionguard.schedule.systematic import SERIAL, Systematic
from pytest_sessionguard.schedule.uniform import Uniform
from unit.touching import Script, Shared, doing, drop, program, read, search, take, write
from unit.turning import Table, Worker, stepping

Order = tuple[int, ...]


def orders(strategy: Strategy, count: int, workers: int = 2, steps: int = 4) -> list[Order]:
    """Who ran in so many executions of workers that only step."""
    found = []
    for _ in range(count):
        schedule = strategy.next()
        assert schedule is not None
        table = Table(
            *[stepping(steps)] * workers,
            schedule=schedule,
            beyond=lambda *seen: strategy.beyond(Base(), *seen),
        )
        strategy.ran(table.run())
        found.append(tuple(table.log))
    return found


@pytest.mark.parametrize("name", STRATEGIES)
def test_each_has_its_name_and_begins_with_the_serial_order(name):
    strategy = make(name, 0, None)
    assert strategy.name == name
    assert orders(strategy, 1) == [(0,) * 5 + (1,) * 5]


@pytest.mark.parametrize("draws", [Uniform, Pct])
def test_a_seed_draws_the_same_orders_again_and_another_one_others(draws):
    assert orders(draws(7), 20) == orders(draws(7), 20)
    assert orders(draws(7), 20) != orders(draws(8), 20)


@pytest.mark.parametrize(("draws", "least"), [(Uniform, 50), (Pct, 10)])
def test_drawn_orders_vary_and_are_never_all(draws, least):
    strategy = draws(0)
    assert len(set(orders(strategy, 60))) > least
    assert not strategy.coverage().complete
    assert strategy.next() is not None


def test_by_priorities_the_turn_is_taken_now_and_then_only():
    """At most two changes, where drawing at each decision takes the turn about four times."""

    def taken(order: Order) -> int:
        return sum(one != other for one, other in itertools.pairwise(order))

    drawn = {draws: [taken(each) for each in orders(draws(0), 40)] for draws in (Pct, Uniform)}
    assert max(drawn[Pct]) <= 3
    assert sum(drawn[Pct]) < sum(drawn[Uniform])


@pytest.mark.parametrize("name", STRATEGIES)
def test_what_was_drawn_is_recorded_and_repeats_the_order(name):
    strategy = make(name, 3, None)
    for _ in range(12):
        schedule = strategy.next()
        if schedule is None:
            break
        table = Table(
            *[stepping(3)] * 3,
            schedule=schedule,
            beyond=lambda *seen: strategy.beyond(Base(), *seen),
        )
        execution = table.run()
        strategy.ran(execution)
        again = Table(*[stepping(3)] * 3, schedule=execution.choices)
        assert again.run().steps == execution.steps
        assert again.log == table.log


def test_a_bound_that_is_not_given_is_two_for_the_plain_search_only():
    steps: Script = [[write("t")]] * 3
    plain, whole = make("bounded", 0, None), make("reduced", 0, None)
    search(plain, steps, steps)
    search(whole, steps, steps)
    assert (plain.coverage().cut, plain.coverage().complete) == ("preemptions", False)
    assert (whole.coverage().cut, whole.coverage().complete) == (None, True)


# -- the default ---------------------------------------------------------------------------------

BOOK: Script = [[read("t")], [take("L")], [write("t"), drop("L")]]


def test_the_default_finds_every_class_with_a_few_executions_more():
    for seed in range(24):
        scripts, alike = program(seed)
        strategy = Systematic()
        found = search(strategy, *scripts, alike=alike)
        classes = search(Reduced(), *scripts, alike=alike).classes
        assert classes <= found.classes, seed
        assert strategy.coverage().complete
        most = 1.5 if len(scripts) == 2 else 2.5
        assert found.executions <= max(most * len(classes), 2), seed


def test_it_tries_all_serial_orders_where_there_are_classes_enough():
    one: Script = [[write("t")]]
    found = search(Systematic(), one, one, one)
    assert len(found.classes) == 6
    assert found.executions == 6 + SERIAL + 1


def hidden(script: Script, kept: list[int]) -> Script:
    """The script, and a global of Python's that is read in one step and written in the next."""
    seen: dict[int, int] = {}

    def look(worker: Worker, shared: Shared) -> None:
        del shared
        seen[worker.number] = kept[0]

    def put(worker: Worker, shared: Shared) -> None:
        del shared
        kept[0] = seen[worker.number] + 1

    return [[look], *script, [put]]


@pytest.mark.parametrize("steps", [[], [[read("t")]] * 6, BOOK], ids=["none", "reads", "book"])
def test_state_that_nobody_sees_is_found_by_a_blind_order(steps):
    """The reduced search alone takes what meets nothing in any order."""
    lost: dict[str, bool] = {}
    for name, strategy in (("default", Systematic()), ("reduced", Reduced())):
        lost[name] = False
        while (schedule := strategy.next()) is not None:
            kept, shared = [0], Shared()
            work = doing(hidden(steps, kept), shared)
            table = Table(
                work, work, schedule=schedule, beyond=lambda *seen: strategy.beyond(Base(), *seen)
            )
            strategy.ran(table.run())
            lost[name] |= kept == [1]
    assert lost["default"]
    assert not lost["reduced"] or steps is BOOK


def test_where_nobody_can_be_chosen_once_is_enough():
    strategy = Systematic()
    assert search(strategy, [[read("t")]] * 3).executions == 1
    assert strategy.coverage().complete

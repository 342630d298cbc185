from __future__ import annotations

import pytest

from pytest_sessionguard.schedule.waiting import SPAWNER, deadlocked

KNOTS = {
    "each waits for the other": ({0: {1}, 1: {0}}, {0, 1}),
    "one waits for itself": ({0: {0}}, {0}),
    "a third waits for them": ({0: {1}, 1: {0}, 2: {1}}, {0, 1, 2}),
    "three in a row": ({0: {1}, 1: {2}, 2: {0}}, {0, 1, 2}),
    "one of the holders goes on": ({0: {1, 2}, 1: {0}}, set()),
    "all holders wait": ({0: {0, 1}, 1: {0, 1}}, {0, 1}),
    "a chain with an end": ({0: {1}, 1: {2}}, set()),
    "nobody knows who could help": ({0: {1}, 1: None}, set()),
    "it is free by now": ({0: {1}, 1: set()}, set()),
    "held by one that has ended": ({0: {7}}, {0}),
    "held by whoever waits for all of them": ({0: {SPAWNER}}, {0}),
}


@pytest.mark.parametrize("name", KNOTS)
def test_who_is_deadlocked(name):
    waiting, stuck = KNOTS[name]
    assert deadlocked(waiting, {SPAWNER, 7}) == stuck

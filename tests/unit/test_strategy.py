from __future__ import annotations

import pytest

from pytest_sessionguard.schedule.replay import Drift, Replay, drift
from pytest_sessionguard.schedule.strategy import Decision, Execution, Step

A, B, C = Step(0, "add"), Step(1, "commit"), Step(0, "commit")


def execution(*chosen: int) -> Execution:
    decisions = tuple(Decision(place, (0, 1), each, False) for place, each in enumerate(chosen))
    return Execution((), (), decisions)


@pytest.mark.parametrize(
    ("chosen", "choices"),
    [((), ()), ((0, 0), ()), ((1, 0, 0), (1,)), ((0, 1, 0, 2), (0, 1, 0, 2))],
)
def test_zeros_at_the_end_go_without_saying(chosen, choices):
    assert execution(*chosen).choices == choices


def test_only_a_turn_taken_from_one_that_could_go_on_is_a_preemption():
    assert Decision(0, (0, 1), 1, free=False).is_preemption
    assert not Decision(0, (0, 1), 0, free=False).is_preemption
    assert not Decision(0, (0, 1), 1, free=True).is_preemption


def test_a_replay_is_one_execution():
    replay = Replay((1, 0, 1))
    assert replay.next() == (1, 0, 1)
    assert replay.next() is None
    replay.ran(Execution((1, 0, 1), (A, B), ()))
    assert not replay.coverage().complete, "one schedule is not every order"


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ((A, B), None),
        ((A, C), Drift(2, B, C)),
        ((A,), Drift(2, B, None)),
        ((A, B, C), Drift(3, None, C)),
        ((), Drift(1, A, None)),
    ],
)
def test_drift_is_the_first_step_that_differs(seen, expected):
    assert drift((A, B), seen) == expected

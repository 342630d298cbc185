from __future__ import annotations

import pytest

from pytest_sessionguard import events as ev
from pytest_sessionguard.observe.holding import Holding
from unit.test_signals import Stage


@pytest.fixture
def stage():
    made = Stage()
    yield made
    assert made.faults == []


def test_a_strand_holds_it_until_it_lets_go(stage):
    lock = Holding(stage.recorder)
    stage.turn(stage.a)
    lock.hold()
    assert stage.a.locks == [lock.token]
    lock.drop()
    assert stage.a.locks == []


def test_release_and_acquire_order_nothing_but_are_told(stage):
    lock = Holding(stage.recorder)
    stage.works(stage.a)
    lock.hold()
    lock.drop()
    for _ in range(2):  # the second time it is no news
        stage.turn(stage.b)
        lock.hold()
        lock.drop()
    assert not stage.knows(stage.b, of=stage.a)
    told = [event for event in stage.recorder.trace.events if isinstance(event, ev.LockTaken)]
    assert [(event.strand, dict(event.released)) for event in told] == [
        (stage.b.token, {stage.a.token: 1})
    ]


def test_released_by_another_strand_it_is_a_baton(stage):
    lock = Holding(stage.recorder)
    stage.turn(stage.b)
    lock.hold()
    stage.works(stage.a)
    lock.drop()
    assert stage.b.locks == []
    stage.turn(stage.b)
    lock.hold()
    assert stage.knows(stage.b, of=stage.a)


def test_a_request_tells_when_it_takes_it_and_again_after_work(stage):
    lock, strands = Holding(stage.recorder), stage.recorder.strands
    stage.a.worker = strands.make_worker("request", "GET /", None, None)
    stage.turn(stage.a)
    for _ in range(2):
        lock.hold()
        lock.drop()
    stage.works(stage.a)
    lock.hold()
    taken = [event for event in stage.recorder.trace.events if isinstance(event, ev.LockTaken)]
    assert len(taken) == 2


def test_a_semaphore_that_lets_others_in_is_not_held(stage):
    lock = Holding(stage.recorder)
    stage.works(stage.a)
    lock.hold(alone=False)
    assert stage.a.locks == []
    lock.drop()
    stage.turn(stage.b)
    lock.hold(alone=False)
    assert not stage.knows(stage.b, of=stage.a)


def test_a_semaphore_that_nobody_had_taken_is_a_baton(stage):
    lock = Holding(stage.recorder)
    stage.works(stage.a)
    lock.drop()
    stage.turn(stage.b)
    lock.hold()
    assert stage.knows(stage.b, of=stage.a)


def test_what_a_library_releases_is_its_own_affair(stage):
    lock = Holding(stage.recorder)
    stage.works(stage.a)
    lock.drop(hands_on=False)
    stage.turn(stage.b)
    lock.hold()
    assert not stage.knows(stage.b, of=stage.a)


def test_taken_through_a_library_it_protects_and_hands_nothing_over(stage):
    lock = Holding(stage.recorder)
    stage.works(stage.a)
    lock.hold(hands_over=False)
    lock.drop()
    stage.turn(stage.b)
    lock.hold(hands_over=False)
    assert stage.b.locks == [lock.token]
    assert not [event for event in stage.recorder.trace.events if isinstance(event, ev.LockTaken)]

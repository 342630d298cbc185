from __future__ import annotations

import queue
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_sessionguard.clocks import is_ordered
from pytest_sessionguard.observe.frames import Frames
from pytest_sessionguard.observe.recorder import Recorder
from pytest_sessionguard.observe.roles import Roles
from pytest_sessionguard.observe.signals import Items, Signals, simple_queue_class
from pytest_sessionguard.observe.strand import Strand


class Stage:
    """Two strands, ``a`` and ``b``, that take turns in this thread."""

    def __init__(self) -> None:
        self.faults: list[BaseException] = []
        self.recorder = Recorder(Frames(Roles(Path("/project"))), self.faults.append)
        self.signals = Signals(self.recorder)
        self.a, self.b = self.strand("a"), self.strand("b")

    def strand(self, label: str) -> Strand:
        strands = self.recorder.strands
        return Strand(
            self.recorder.next_token(), "thread", label, None, strands.test, self.recorder.epoch
        )

    def turn(self, strand: Strand) -> None:
        self.recorder.strands.begin_thread(strand)

    def works(self, strand: Strand) -> int:
        """It is the strand's turn, and it does one operation."""
        self.turn(strand)
        return strand.clock.advance()

    def knows(self, strand: Strand, of: Strand, tick: int = 1) -> bool:
        return is_ordered(of.token, tick, strand.clock.seen)


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage()
    yield made
    assert made.faults == []


# -- queue items --------------------------------------------------------------------------------


@pytest.fixture
def put(stage):
    return stage.signals.putting(queue.Queue.put)


@pytest.fixture
def get(stage):
    return stage.signals.getting(queue.Queue.get)


def test_an_item_orders_its_taker_after_its_giver(stage, put, get):
    items: Any = queue.Queue()
    stage.works(stage.a)
    put(items, "job")
    stage.turn(stage.b)
    assert get(items) == "job"
    assert stage.knows(stage.b, stage.a)


def test_what_the_giver_does_later_is_not_ordered(stage, put, get):
    items: Any = queue.Queue()
    stage.works(stage.a)
    put(items, "job")
    later = stage.works(stage.a)
    stage.turn(stage.b)
    get(items)
    assert not stage.knows(stage.b, stage.a, later)


def test_a_queue_orders_by_item_and_not_as_a_whole(stage, put, get):
    items: Any = queue.LifoQueue()
    stage.works(stage.a)
    put(items, object())
    third = stage.strand("c")
    stage.works(third)
    put(items, object())
    stage.turn(stage.b)
    get(items)
    assert stage.knows(stage.b, third)
    assert not stage.knows(stage.b, stage.a)


def test_equal_items_are_told_apart():
    items, first, second = Items(), [1], [1]
    items.add(first, None)
    snapshot = object()
    items.add(second, snapshot)  # type: ignore[arg-type]
    assert items.take(second) is snapshot
    assert items.take(first) is None


def test_one_object_put_twice_carries_both_in_order():
    items, thing = Items(), object()
    for snapshot in ("first", "second"):
        items.add(thing, snapshot)  # type: ignore[arg-type]
    assert [items.take(thing), items.take(thing), items.take(thing)] == ["first", "second", None]


def test_an_item_that_was_put_unseen_orders_nothing(stage, get):
    items: Any = queue.Queue()
    items.put("job")
    stage.works(stage.a)
    stage.turn(stage.b)
    assert get(items) == "job"
    assert not stage.knows(stage.b, stage.a)


def test_a_librarys_own_queue_orders_nothing(stage, get):
    items: Any = queue.Queue()
    item = object()
    stage.works(stage.a)
    giver = SimpleNamespace(f_globals={"__name__": "concurrent.futures.thread"})
    stage.signals.put(items, item, giver)  # type: ignore[arg-type]
    items.put(item)
    stage.turn(stage.b)
    get(items)
    assert not stage.knows(stage.b, stage.a)


def test_a_queue_inside_an_operation_is_the_drivers(stage, put, get):
    items: Any = queue.Queue()
    stage.works(stage.a)
    stage.a.operations.append(object())
    put(items, "job")
    stage.turn(stage.b)
    get(items)
    assert not stage.knows(stage.b, stage.a)


def test_a_drivers_thread_orders_nothing(stage, put, get):
    items: Any = queue.Queue()
    stage.works(stage.a)
    stage.a.internal = True
    put(items, "job")
    stage.turn(stage.b)
    get(items)
    assert not stage.knows(stage.b, stage.a)


def test_a_simple_queue_orders_by_item_too(stage):
    kind = simple_queue_class(queue.SimpleQueue, stage.signals)
    assert kind.__module__ == queue.SimpleQueue.__module__
    items = kind()
    stage.works(stage.a)
    items.put("job")
    items.put_nowait("job")
    stage.turn(stage.b)
    assert (items.get(), items.get_nowait()) == ("job", "job")
    assert stage.knows(stage.b, stage.a)


def test_an_empty_queue_raises_as_ever(stage, get):
    with pytest.raises(queue.Empty):
        get(queue.Queue(), block=False)


# -- futures and events -----------------------------------------------------------------------------


@pytest.fixture
def done_by_a(stage):
    """A future whose result strand ``a`` has set after an operation."""
    future: Future[int] = Future()
    stage.works(stage.a)
    stage.signals.signalling(Future.set_result)(future, 7)
    return future


def test_asking_for_the_result_orders(stage, done_by_a):
    stage.turn(stage.b)
    assert stage.signals.joining()(Future.result)(done_by_a) == 7
    assert stage.knows(stage.b, stage.a)


def test_who_does_not_ask_is_not_ordered(stage, done_by_a):
    stage.turn(stage.b)
    assert not stage.knows(stage.b, stage.a)


def test_a_result_that_raises_orders_as_well(stage):
    future: Future[int] = Future()
    stage.works(stage.a)
    stage.signals.signalling(Future.set_exception)(future, KeyError("theirs"))
    stage.turn(stage.b)
    with pytest.raises(KeyError, match="theirs"):
        stage.signals.joining()(Future.result)(future)
    assert stage.knows(stage.b, stage.a)


@pytest.mark.parametrize("answer", [True, False])
def test_asking_orders_if_the_answer_is_yes(stage, done_by_a, answer):
    asks = stage.signals.joining(stage.signals.join_if)(lambda future: answer)
    stage.turn(stage.b)
    assert asks(done_by_a) is answer
    assert stage.knows(stage.b, stage.a) is answer


def test_another_future_orders_nothing(stage, done_by_a):
    other: Future[int] = Future()
    other.set_result(8)
    stage.turn(stage.b)
    assert stage.signals.joining()(Future.result)(other) == 8
    assert not stage.knows(stage.b, stage.a)


def test_two_that_set_one_thing_are_both_before_who_waits(stage):
    thing: Future[int] = Future()
    sets = stage.signals.signalling(lambda self: None)
    third = stage.strand("c")
    for strand in (stage.a, third):
        stage.works(strand)
        sets(thing)
    stage.turn(stage.b)
    stage.signals.join(thing)
    assert stage.knows(stage.b, stage.a)
    assert stage.knows(stage.b, third)


def test_setting_inside_an_operation_orders_nothing(stage):
    thing: Future[int] = Future()
    stage.works(stage.a)
    stage.a.operations.append(object())
    stage.signals.signal(thing)
    stage.turn(stage.b)
    stage.signals.join(thing)
    assert not stage.knows(stage.b, stage.a)


def test_a_callback_on_a_finished_future_is_after_the_result_but_its_caller_is_not(
    stage, done_by_a
):
    ran_in = []
    current = stage.recorder.strands.current
    adds = stage.signals.calling_back(Future.add_done_callback)
    stage.turn(stage.b)
    adds(done_by_a, lambda future: ran_in.append(current()))
    [callback] = ran_in
    assert callback is not stage.b
    assert stage.knows(callback, stage.a)
    assert not stage.knows(stage.b, stage.a)
    assert current() is stage.b


def test_a_callback_on_a_future_that_is_not_done_is_nothing_special(stage):
    future: Future[int] = Future()
    stage.turn(stage.b)
    stage.signals.calling_back(Future.add_done_callback)(future, print)
    assert stage.recorder.strands.current() is stage.b


class Barrier:
    """Anything that strands may meet at."""


def test_who_waits_at_a_barrier_is_after_whoever_comes_later(stage):
    stage.works(stage.a)
    stage.works(stage.b)

    def the_other_arrives(self: Any) -> None:
        stage.turn(stage.b)
        stage.signals.signal(self)
        stage.turn(stage.a)

    stage.turn(stage.a)
    barrier = Barrier()
    stage.signals.meeting(the_other_arrives)(barrier)
    assert stage.knows(stage.a, stage.b)
    stage.turn(stage.b)
    stage.signals.join(barrier)
    assert stage.knows(stage.b, stage.a)


# -- faults of ours ----------------------------------------------------------------------------------


def test_a_fault_of_the_guard_never_reaches_the_queue():
    stage = Stage()
    items: Any = queue.Queue()
    broken = stage.signals
    broken.recorder.strands.current = lambda: 1 / 0  # type: ignore[method-assign,assignment,return-value]
    broken.putting(queue.Queue.put)(items, "job")
    assert items.get(block=False) == "job"
    assert [type(error) for error in stage.faults] == [ZeroDivisionError]


def test_the_giver_is_whoever_called_put(stage):
    seen = []
    stage.signals.put = lambda container, item, giver: seen.append(giver)  # type: ignore[method-assign]
    stage.signals.putting(queue.Queue.put)(queue.Queue(), "job")
    assert seen == [sys._getframe()]

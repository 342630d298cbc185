"""Loop callbacks become strands when somebody asks, and order what they ordered before."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_sessionguard.clocks import is_ordered
from pytest_sessionguard.observe.frames import Frames, Roles
from pytest_sessionguard.observe.hooks import Hooks
from pytest_sessionguard.observe.recorder import Recorder
from pytest_sessionguard.observe.signals import Signals
from pytest_sessionguard.observe.strand import Strand
from pytest_sessionguard.observe.tasks import Tasks


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    faults: list[BaseException] = []
    recorder, hooks = Recorder(Frames(Roles(Path("/"))), faults.append), Hooks()
    Tasks(recorder, Signals(recorder)).install(hooks)
    yield recorder
    hooks.remove()
    assert faults == []


@pytest.fixture
def loop(recorder: Recorder) -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def works(recorder: Recorder) -> tuple[int, int]:
    """An operation of the current strand."""
    strand = recorder.strands.current()
    return strand.token, strand.clock.advance()


def knows(strand: Strand, operation: tuple[int, int]) -> bool:
    return is_ordered(*operation, strand.clock.seen)


def test_a_callback_that_nobody_asks_about_is_no_strand(recorder, loop):
    ran: list[int] = []
    for number in range(3):
        loop.call_soon(ran.append, number)
    loop.call_soon(loop.stop)
    before = recorder.next_token()
    loop.run_forever()
    assert ran == [0, 1, 2]
    assert recorder.next_token() == before + 1


def test_a_callback_that_is_asked_twice_is_one_strand(recorder, loop):
    seen: list[Strand] = []

    def asks() -> None:
        seen.extend([recorder.strands.current(), recorder.strands.current()])
        loop.stop()

    loop.call_soon(asks)
    loop.run_forever()
    assert seen[0] is seen[1]
    assert seen[0].kind == "callback"


def test_who_stops_a_loop_is_before_whoever_ran_it(recorder, loop):
    done: list[tuple[int, int]] = []

    def other() -> None:
        done.append(works(recorder))
        loop.call_soon_threadsafe(loop.stop)

    thread = threading.Thread(target=other)
    loop.call_soon(thread.start)
    loop.run_forever()
    thread.join()
    assert knows(recorder.strands.current(), done[0])


def test_a_callback_is_after_whoever_queued_it_and_not_after_what_that_one_did_later(
    recorder, loop
):
    knew: list[bool] = []
    first = works(recorder)
    loop.call_soon(lambda: knew.append(knows(recorder.strands.current(), first)))
    later = threading.Event()
    told: list[tuple[int, int]] = []

    def other() -> None:
        loop.call_soon_threadsafe(asks)
        told.append(works(recorder))
        later.set()

    def asks() -> None:
        later.wait()
        knew.append(knows(recorder.strands.current(), told[0]))
        loop.stop()

    thread = threading.Thread(target=other)
    loop.call_soon(thread.start)
    loop.run_forever()
    thread.join()
    assert knew == [True, False]


def test_callbacks_of_one_strand_are_ordered_in_turn(recorder, loop):
    done: list[tuple[int, int]] = []
    knew: list[bool] = []
    loop.call_soon(lambda: done.append(works(recorder)))
    loop.call_soon(lambda: knew.append(knows(recorder.strands.current(), done[0])))
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert knew == [True]
    assert knows(recorder.strands.current(), done[0])

"""Runs a piece of work in several workers, one at a time, in the order of a schedule.

Whoever calls ``run`` watches: a worker that waits for something unknown is passed over after a
short quiet, and when nothing has moved for the time allowed the execution is given up. It always
comes back, with every worker's result or exception.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from pytest_sessionguard.backends.backend import Backend
from pytest_sessionguard.schedule.strategy import Execution
from pytest_sessionguard.schedule.turn import HANG, Abandoned
from pytest_sessionguard.schedule.turns import Turns

LOOK = 0.05
"""Seconds between two looks."""

IDLE_LOOKS = 3
"""Looks in a row without a step, and with nobody running, after which a worker is astray."""

GRACE = 1.0
"""Seconds for workers to unwind once the execution has been given up."""

Work = Callable[[], Any]


class Outcome(NamedTuple):
    """What became of one worker: a result, an exception, or (``lost``) it never came back."""

    result: Any
    error: BaseException | None
    lost: bool = False


class Ran(NamedTuple):
    """What became of all workers; ``stuck`` is why the execution was given up, if it was.

    ``waits`` tells what blocked workers waited for then, and ``places`` where each one was.
    """

    outcomes: list[Outcome]
    execution: Execution
    stuck: str | None
    waits: dict[int, str]
    places: dict[int, str]


def failed(error: BaseException) -> Outcome:
    """What became of a worker that raised; one that was told to unwind has no error of its own."""
    told = isinstance(error, Abandoned) or (
        isinstance(error, BaseExceptionGroup) and error.subgroup(Abandoned) is not None
    )
    return Outcome(None, None if told else error)


def run(
    works: Sequence[Work],
    backend: Backend,
    turns: Turns,
    begin: Callable[[int, Any], None],
    locate: Callable[[Any], str],
    timeout: float,
) -> Ran:
    """Run each of ``works`` in a worker of its own.

    ``begin(number, thread or greenlet)`` is called before each starts; ``locate(frame)`` puts a
    place into words. ``timeout`` is in seconds: the longest time in which nothing moves.
    """
    outcomes: list[Outcome] = [Outcome(None, None, lost=True) for _ in works]

    def runner(number: int) -> Work:
        def worker() -> None:
            try:
                turns.enter(number)
                outcomes[number] = Outcome(works[number](), None)
            except BaseException as error:
                outcomes[number] = failed(error)
            finally:
                with contextlib.suppress(Abandoned):
                    turns.leave(number)

        return worker

    started = []
    for number in range(len(works)):
        started.append(backend.start(number, runner(number), partial(begin, number)))
    places: dict[int, str] = {}

    def look() -> None:
        for number, worker in enumerate(started):
            frame = backend.frame(worker)
            if not turns.turn.states[number].started:
                places[number] = "has not begun"
            elif frame is not None:
                places[number] = locate(frame)

    def blocked(frame: Any) -> None:
        look()
        if turns.turn.holder is not None and frame is not None:
            places[turns.turn.holder] = locate(frame)

    turns.turn.on_finished = backend.notify
    turns.begin()
    beats = 0

    def beat() -> None:
        nonlocal beats
        beats += 1

    try:
        with backend.watched(turns, timeout, lambda: beats, blocked):
            _watch(backend, turns, timeout, look, beat)
    except BaseException:
        turns.give_up("interrupted")
        backend.sleep(GRACE, turns.is_finished)
        raise
    finally:
        for worker, outcome in zip(started, outcomes, strict=True):
            if outcome.lost:
                backend.interrupt(worker)
    return Ran(outcomes, turns.turn.execution(), turns.turn.given_up, turns.turn.waits, places)


def _watch(
    backend: Backend,
    turns: Turns,
    timeout: float,
    look: Callable[[], None],
    beat: Callable[[], None],
) -> None:
    """Wait for the end; pass over whoever is astray, and give up when nothing moves any more.

    A process that gets no CPU is not idle: what counts is time in which nobody could have run, and
    CPU time of a worker that computes without end.
    """
    ticks, idle, cpu = -1, 0, time.process_time()
    while not turns.is_finished():
        backend.sleep(LOOK, turns.is_finished)
        beat()
        if turns.is_finished():
            break
        if turns.turn.given_up is not None:
            backend.sleep(GRACE, turns.is_finished)
            break
        if turns.turn.ticks != ticks:
            ticks, idle, cpu = turns.turn.ticks, 0, time.process_time()
        elif backend.is_idle():
            idle += 1
        if idle * LOOK >= timeout or time.process_time() - cpu >= timeout:
            look()
            turns.give_up(HANG)
        elif idle and idle % IDLE_LOOKS == 0:
            turns.let_astray(ticks=ticks)

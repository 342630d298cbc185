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
from pytest_sessionguard.backends.watcher import Watcher
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
    turn, outcomes = turns.turn, [Outcome(None, None, lost=True) for _ in works]
    started = [
        backend.start(number, partial(_work, number, work, turns, outcomes), partial(begin, number))
        for number, work in enumerate(works)
    ]

    def frames(number: int) -> list[Any]:
        frame = backend.frame(started[number])
        return [frame] if frame is not None else []

    watcher = Watcher(turn, len(works), frames, locate)
    turn.on_finished = backend.notify
    turns.begin()
    try:
        with backend.watched(turns, timeout, watcher):
            _watch(backend, turns, timeout, watcher)
    except BaseException:
        turns.give_up("interrupted")
        backend.sleep(GRACE, turns.is_finished)
        raise
    finally:
        for worker, outcome in zip(started, outcomes, strict=True):
            if outcome.lost:
                backend.interrupt(worker)
    return Ran(outcomes, turn.execution(), turn.given_up, turn.waits, watcher.places)


def _work(number: int, work: Work, turns: Turns, outcomes: list[Outcome]) -> None:
    """What the thread or greenlet of a worker does."""
    try:
        turns.enter(number)
        outcomes[number] = Outcome(work(), None)
    except BaseException as error:
        outcomes[number] = failed(error)
    finally:
        with contextlib.suppress(Abandoned):
            turns.leave(number)


def _watch(backend: Backend, turns: Turns, timeout: float, watcher: Watcher) -> None:
    """Wait for the end; pass over whoever is astray, and give up when nothing moves any more.

    Nobody is astray for whom a server works. A process that gets no CPU is not idle: what counts is
    time in which nobody could have run, and CPU time of a worker that computes without end.
    """
    turn, ticks, idle, cpu = turns.turn, -1, 0, time.process_time()
    while not turns.is_over():
        backend.sleep(LOOK, turns.is_finished)
        watcher.beats += 1
        if turns.is_over():
            break
        if turn.ticks != ticks:
            ticks, idle, cpu = turn.ticks, 0, time.process_time()
        elif backend.is_idle():
            idle += 1
        if idle * LOOK >= timeout or time.process_time() - cpu >= timeout:
            watcher.look()
            turns.give_up(HANG)
        elif idle and idle % IDLE_LOOKS == 0 and not turn.is_served():
            turns.let_astray(ticks=ticks)
    backend.sleep(GRACE, turns.is_finished)

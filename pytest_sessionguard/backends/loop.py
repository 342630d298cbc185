"""Runs a piece of work in several workers that are tasks, one at a time, in the order of a schedule.

What ``workers`` is for threads and greenlets; here whoever watches is a task among the others. On a
loop it is certain who waits: when it has turned a few times without a step, and no task waits for
a database, then whoever has the turn waits for somebody else.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

from pytest_sessionguard.backends.tasks import Tasks, bridged
from pytest_sessionguard.backends.watcher import Watcher
from pytest_sessionguard.backends.workers import GRACE, LOOK, Outcome, Ran, failed
from pytest_sessionguard.schedule.turn import HANG, Abandoned
from pytest_sessionguard.schedule.turns import Turns

FIRST_LOOK = 0.001
"""Seconds to the first look after a step; each further one waits twice as long, up to ``LOOK``."""

Work = Callable[[], Coroutine[Any, Any, Any]]


async def run(
    works: Sequence[Work],
    backend: Tasks,
    turns: Turns,
    begin: Callable[[int, Any], None],
    locate: Callable[..., str],
    timeout: float,
) -> Ran:
    """Run each of ``works`` in a task of its own; see ``workers.run``."""
    outcomes: list[Outcome] = [Outcome(None, None, lost=True) for _ in works]

    async def worker(number: int) -> None:
        try:
            await bridged(turns.enter, number)
            outcomes[number] = Outcome(await works[number](), None)
        except asyncio.CancelledError as error:
            given_up = turns.turn.given_up is not None
            outcomes[number] = Outcome(None, None) if given_up else failed(error)
        except BaseException as error:
            outcomes[number] = failed(error)
        finally:
            with contextlib.suppress(Abandoned):
                turns.leave(number)

    started = [
        backend.start(number, partial(worker, number), partial(begin, number))
        for number in range(len(works))
    ]
    turn = turns.turn
    watcher = Watcher(turn, len(works), lambda number: backend.frames(started[number]), locate)
    turn.on_finished = backend.notify
    turns.begin()
    try:
        with backend.watched(turns, timeout, watcher):
            await _watch(backend, turns, timeout, watcher)
    except BaseException:
        turns.give_up("interrupted")
        await _unwound(backend, started)
        raise
    await _unwound(backend, started)
    return Ran(outcomes, turn.execution(), turn.given_up, turn.waits, watcher.places)


async def _unwound(backend: Tasks, started: list[asyncio.Task[None]]) -> None:
    """Let those that wait at gates unwind; cancel the others, and wait for them for a while."""
    await backend.settle()
    left = [task for task in started if not task.done()]
    for task in left:
        backend.interrupt(task)
    if left:
        await asyncio.wait(left, timeout=GRACE)


async def _watch(backend: Tasks, turns: Turns, timeout: float, watcher: Watcher) -> None:
    """Pass over whoever waits for another; give up when nothing moves any more."""
    turn, ticks, idle, pause, cpu = turns.turn, -1, 0.0, FIRST_LOOK, time.process_time()
    while not turns.is_over():
        notified = await backend.sleep(pause)
        watcher.beats += 1
        if turn.ticks != ticks:
            ticks, idle, pause, cpu = turn.ticks, 0.0, FIRST_LOOK, time.process_time()
            if not notified:
                continue
        await backend.settle()
        if turn.ticks != ticks or turns.is_over():
            continue
        if _waits_for_another(backend, turns):
            turns.let_astray(certain=not backend.sleeps())
            continue
        idle += pause if backend.is_idle() else 0.0
        pause = min(2 * pause, LOOK)
        if pause == LOOK and turn.is_served() is False:
            turns.let_astray(ticks=ticks)
        if idle >= timeout or time.process_time() - cpu >= timeout:
            watcher.look()
            turns.give_up(HANG)


def _waits_for_another(backend: Tasks, turns: Turns) -> bool:
    """Whether whoever has the turn waits for a task, and not for a database or a thread."""
    return turns.turn.holder is not None and not backend.goes_on() and backend.is_idle()

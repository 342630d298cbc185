"""Workers that are tasks of the test's own event loop.

A task can wait for its turn only where it can be suspended: in SQLAlchemy's greenlet, in which
AsyncSession runs what it does, and in functions that are awaited. A synchronous operation in a plain
coroutine is no place to switch, here as in life. Threads that a task has work for it wait as threads.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager
from types import FrameType
from typing import Any

from sqlalchemy.util import await_only, greenlet_spawn
from sqlalchemy.util.concurrency import in_greenlet

from pytest_sessionguard.backends.backend import Unavailable
from pytest_sessionguard.backends.threads import LockGate, Threads
from pytest_sessionguard.backends.watchdog import watched
from pytest_sessionguard.backends.watcher import Watcher
from pytest_sessionguard.schedule.states import Gate
from pytest_sessionguard.schedule.turns import Turns

ROUNDS = 5
"""Turns of the loop without a step, after which nobody goes on by himself.

One look is not enough: a shield wakes its waiter through several callbacks."""

Unordered = Callable[[], AbstractContextManager[None]]
"""A context in which waking a task orders nothing."""


class _Turn(asyncio.Future[None]):
    """What a task awaits that waits for its turn."""


_SPAWN = greenlet_spawn.__code__
_SLEEP = asyncio.sleep.__code__


class FutureGate:
    """A future that a task awaits until the gate is opened."""

    __slots__ = ("_future", "_loop", "_unordered")

    def __init__(self, loop: asyncio.AbstractEventLoop, unordered: Unordered) -> None:
        self._loop = loop
        self._unordered = unordered
        self._future = _Turn(loop=loop)

    def open(self) -> None:
        """Let the task go on; from another thread too."""
        with self._unordered():
            if asyncio._get_running_loop() is self._loop:
                self._set()
            else:
                with contextlib.suppress(RuntimeError):  # the loop has been closed
                    self._loop.call_soon_threadsafe(self._set)

    def _set(self) -> None:
        with self._unordered():
            if not self._future.done():  # its task may have been cancelled
                self._future.set_result(None)

    def wait(self) -> None:
        """Wait in SQLAlchemy's greenlet until it is opened."""
        await_only(self._future)


class Tasks:
    """Starts tasks on the loop that runs now. Raises ``Unavailable``.

    ``kept()`` are the tasks whose servers keep them for another worker.
    """

    name = "asyncio"
    kind = "task"

    def __init__(self, unordered: Unordered) -> None:
        self.loop = running_loop()
        self._unordered = unordered
        self._threads = Threads()
        self._alarm: asyncio.Future[bool] | None = None
        self.kept: Callable[[], list[Any]] = list

    def gate(self) -> Gate:
        """A place where the current task, or the thread that works for one, can wait."""
        loop = asyncio._get_running_loop()
        return LockGate() if loop is None else FutureGate(loop, self._unordered)

    def can_wait(self) -> bool:
        """Whether the current strand can be made to wait just here."""
        return asyncio._get_running_loop() is None or in_greenlet()

    def lock(self) -> AbstractContextManager[object]:
        """A native lock: threads may work for the tasks."""
        return self._threads.lock()

    def start(
        self,
        number: int,
        run: Callable[[], Coroutine[Any, Any, None]],
        begin: Callable[[Any], None],
    ) -> asyncio.Task[None]:
        """Make a task; ``begin`` is told of it before it runs."""
        task = asyncio.Task(run(), loop=self.loop, name=f"sessionguard-worker-{number}")
        begin(task)
        return task

    async def sleep(self, seconds: float) -> bool:
        """Let the tasks run for ``seconds``, or until ``notify``; whether somebody said that."""
        alarm = self._alarm = asyncio.Future(loop=self.loop)
        with self._unordered():
            timer = self.loop.call_later(seconds, self._wake, alarm, False)
        try:
            return await alarm
        finally:
            timer.cancel()

    def settle_here(self) -> None:
        """Let the tasks run that are ready now, while the current one waits."""
        if asyncio._get_running_loop() is not None and in_greenlet():
            await_only(asyncio.sleep(0))

    async def settle(self) -> None:
        """Let the tasks run until all that can go on by themselves have."""
        for _ in range(ROUNDS):
            await asyncio.sleep(0)

    def call(self, function: Callable[[], None]) -> None:
        """Have the workers' loop call it."""
        with self._unordered(), contextlib.suppress(RuntimeError):  # the loop has been closed
            self.loop.call_soon_threadsafe(function)

    def notify(self) -> None:
        """Wake whoever sleeps; from another thread too."""
        alarm = self._alarm
        if alarm is None:
            return
        if asyncio._get_running_loop() is self.loop:
            self._wake(alarm, True)
        else:
            with self._unordered():
                self.loop.call_soon_threadsafe(self._wake, alarm, True)

    def _wake(self, alarm: asyncio.Future[bool], notified: bool) -> None:
        with self._unordered():
            if not alarm.done():
                alarm.set_result(notified)

    def watched(
        self, turns: Turns, timeout: float, watcher: Watcher
    ) -> AbstractContextManager[None]:
        """A task that blocks in C, or computes for ever, stops the loop."""
        return watched(turns, timeout, watcher)

    def is_idle(self) -> bool:
        """Whether no thread runs; whoever asks runs, so no task does."""
        return self._threads.is_idle()

    def goes_on(self) -> bool:
        """Whether a task of this loop goes on by itself: it was woken, or waits for a database."""
        waiting = (asyncio.current_task(self.loop), *self.kept())
        tasks = (task for task in asyncio.all_tasks(self.loop) if task not in waiting)
        return any(_was_woken(task) or _is_in_driver(task) for task in tasks)

    def sleeps(self) -> bool:
        """Whether a task of this loop sleeps, and so goes on after a while."""
        return any(_sleeps(task) for task in asyncio.all_tasks(self.loop))

    def interrupt(self, worker: asyncio.Task[None]) -> None:
        """Cancel the task, wherever it waits."""
        worker.cancel()

    def frames(self, worker: asyncio.Task[None]) -> list[FrameType]:
        """Where the task is just now, innermost first."""
        coroutine = worker.get_coro()
        return list(_frames(coroutine))[::-1]


def running_loop() -> asyncio.AbstractEventLoop:
    """The loop that runs here. Raises ``Unavailable`` where the guard cannot see its tasks."""
    loop = asyncio._get_running_loop()
    if loop is None:
        raise Unavailable(NO_LOOP)
    if not isinstance(loop, asyncio.BaseEventLoop):
        raise Unavailable(OTHER_LOOP.format(name=type(loop).__module__.partition(".")[0]))
    return loop


NO_LOOP = (
    "backend='asyncio': no asyncio loop runs this test (trio?); run it on asyncio: with anyio's "
    "plugin, a fixture anyio_backend that returns 'asyncio'"
)
OTHER_LOOP = (
    "backend='asyncio': the test runs on a loop of {name}, whose tasks cannot be put in an order; let "
    "the tests run on asyncio's own loop (leave out its event_loop_policy, or use_uvloop)"
)


async def bridged(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call ``function``, which may wait at a gate, for the current task."""
    return await greenlet_spawn(function, *arguments)


def _chain(coroutine: Any) -> Iterator[Any]:
    """A suspended coroutine, what it awaits, and so on.

    A running one is not asked what it awaits: Python 3.11 and 3.12 then take the place where it is
    for a place where it awaits, if the cache of an instruction there happens to look like one, and
    answer with an address that is no object.
    """
    while coroutine is not None:
        yield coroutine
        coroutine = _awaited(coroutine)


def _awaited(coroutine: Any) -> Any:
    for running, awaited in (("cr_running", "cr_await"), ("gi_running", "gi_yieldfrom")):
        if getattr(coroutine, running, None) is False:
            return getattr(coroutine, awaited, None)
    return None


def _frames(coroutine: Any) -> Iterator[FrameType]:
    for each in _chain(coroutine):
        for name in ("cr_frame", "gi_frame"):
            frame = getattr(each, name, None)
            if frame is not None:
                yield frame


def waits_for_another(task: Any) -> bool:
    """Whether a task waits for something that is not there yet, and for no database."""
    return not _was_woken(task) and not _is_in_driver(task)


def _sleeps(task: Any) -> bool:
    return any(frame.f_code is _SLEEP for frame in _frames(task.get_coro()))


def _was_woken(task: Any) -> bool:
    waits_for = getattr(task, "_fut_waiter", None)
    return waits_for is None or bool(waits_for.done())


def _is_in_driver(task: Any) -> bool:
    """Whether SQLAlchemy's greenlet awaits something else than a gate of ours."""
    inside = False
    for each in _chain(task.get_coro()):
        frame = getattr(each, "cr_frame", None)
        inside = inside or (frame is not None and frame.f_code is _SPAWN)
    return inside and not isinstance(getattr(task, "_fut_waiter", None), _Turn)

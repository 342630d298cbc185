"""Workers that are gevent greenlets. The only module here that imports gevent.

A waiting greenlet has switched to the hub; it is woken by a callback of the loop. The callback is
given to the plain loop: to the guard's own it would look as if the workers ordered one another.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import gevent
from gevent import get_hub, getcurrent

from pytest_sessionguard.backends.watchdog import watched
from pytest_sessionguard.backends.watcher import Watcher
from pytest_sessionguard.schedule.turn import Abandoned
from pytest_sessionguard.schedule.turns import Turns


class HubGate:
    """A greenlet that has switched to the hub until the gate is opened."""

    __slots__ = ("_greenlet", "_opened", "_waiting")

    def __init__(self) -> None:
        self._greenlet = getcurrent()
        self._opened = False
        self._waiting = False

    def open(self) -> None:
        """Let the greenlet go on; said twice, by a timer and a worker, it is switched to once."""
        if self._waiting and not self._opened:
            run_soon(self._greenlet.switch)
        self._opened = True

    def wait(self) -> None:
        """Switch to the hub until it is opened."""
        while not self._opened:
            self._waiting = True
            try:
                get_hub().switch()
            finally:
                self._waiting = False


class Greenlets:
    """Spawns greenlets."""

    name = "gevent"
    kind = "greenlet"

    def __init__(self) -> None:
        self._sleeper: HubGate | None = None
        self._hub = get_hub()

    def gate(self) -> HubGate:
        """A place where the current greenlet can wait."""
        return HubGate()

    def settle_here(self) -> None:
        """Let the greenlets run that are ready now, while the current one waits."""
        gate = HubGate()
        run_soon(gate.open)
        gate.wait()

    def lock(self) -> AbstractContextManager[object]:
        """One greenlet runs at a time: nothing to lock."""
        return nullcontext()

    def start(self, number: int, run: Callable[[], None], begin: Callable[[Any], None]) -> Any:
        """Spawn a greenlet; it inherits the context variables."""
        del number
        context = contextvars.copy_context()
        greenlet = gevent.Greenlet(context.run, run)
        begin(greenlet)
        greenlet.start()
        return greenlet

    def sleep(self, seconds: float, until: Callable[[], bool]) -> None:
        """Wait for ``notify``, while the hub runs the workers."""
        if until():
            return
        gate = self._sleeper = HubGate()
        timer = get_hub().loop.timer(seconds)
        timer.start(gate.open)
        try:
            gate.wait()
        finally:
            timer.stop()
            timer.close()
            self._sleeper = None

    def call(self, function: Callable[[], None]) -> None:
        """Have the workers' hub call it."""
        loop = self._hub.loop
        plain = getattr(type(loop), "_sessionguard_plain", type(loop))
        plain.run_callback_threadsafe(loop, function)

    def notify(self) -> None:
        """Wake whoever sleeps."""
        if self._sleeper is not None:
            self._sleeper.open()

    def watched(
        self, turns: Turns, timeout: float, watcher: Watcher
    ) -> AbstractContextManager[None]:
        """A greenlet that blocks in C stops all others."""
        return watched(turns, timeout, watcher)

    def is_idle(self) -> bool:
        """Whoever asks runs, so no other greenlet does."""
        return True

    def interrupt(self, worker: Any) -> None:
        """Throw ``Abandoned`` into the greenlet, wherever it waits."""
        worker.kill(Abandoned, block=False)

    def frame(self, worker: Any) -> Any:
        """Where the greenlet is just now."""
        return worker.gr_frame


def run_soon(function: Callable[[], Any]) -> None:
    """Have the hub call ``function``; the guard's own loop does not learn of it."""
    loop = get_hub().loop
    plain = getattr(type(loop), "_sessionguard_plain", type(loop))
    plain.run_callback(loop, function)

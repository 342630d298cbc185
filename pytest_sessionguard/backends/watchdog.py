"""Watches over greenlets from a native thread: one that blocks in C stops their hub, and with it
everything that could notice.

When nothing has moved for too long, a signal interrupts the main thread: its handler runs as soon
as a system call, a lock or a line of Python lets it, and raises in whatever greenlet runs there.
"""

from __future__ import annotations

import _thread
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from pytest_sessionguard.backends.native import native
from pytest_sessionguard.backends.watcher import Watcher
from pytest_sessionguard.schedule.turn import HANG, Abandoned
from pytest_sessionguard.schedule.turns import Turns

SIGNAL = signal.SIGUSR2
MARGIN = 1.0
"""Seconds beyond the timeout: whoever waits in the hub notices first."""


@contextmanager
def watched(turns: Turns, timeout: float, watcher: Watcher) -> Iterator[None]:
    """Interrupt the main thread when neither ``turns`` nor ``watcher`` move for ``timeout`` seconds.

    ``watcher`` is told of the frame that was interrupted. Does nothing outside of the main thread,
    or where somebody else handles the signal.
    """
    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or signal.getsignal(SIGNAL) is not signal.SIG_DFL:
        yield
        return
    ended = native("_thread", "allocate_lock", _thread.allocate_lock)()
    ended.acquire()
    main = native("_thread", "get_ident", _thread.get_ident)()

    def interrupt(number: int, frame: FrameType | None) -> None:
        del number
        watcher.blocked(frame)
        raise Abandoned(HANG)

    signal.signal(SIGNAL, interrupt)
    start = native("_thread", "start_new_thread", _thread.start_new_thread)
    start(_watch, (turns, timeout + MARGIN, watcher, ended, main))
    try:
        yield
    finally:
        ended.release()
        signal.signal(SIGNAL, signal.SIG_DFL)


def _watch(turns: Turns, patience: float, watcher: Watcher, ended: Any, main: int) -> None:
    seen = (turns.turn.ticks, watcher.beats)
    while not ended.acquire(timeout=patience):
        now = (turns.turn.ticks, watcher.beats)
        if now == seen and not turns.is_finished():
            turns.give_up(HANG)
            signal.pthread_kill(main, SIGNAL)
            return
        seen = now

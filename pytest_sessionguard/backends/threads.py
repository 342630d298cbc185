"""Workers that are threads. Each waits on a lock of its own that is taken already.

Not where gevent has patched: ``threading.Thread`` is a greenlet there (``backend.make`` refuses).
"""

from __future__ import annotations

import _thread
import contextlib
import contextvars
import ctypes
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from pytest_sessionguard.backends.native import native
from pytest_sessionguard.backends.watcher import Watcher
from pytest_sessionguard.schedule.turn import Abandoned
from pytest_sessionguard.schedule.turns import Turns


class LockGate:
    """A lock that is taken until the gate is opened."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = _allocate()
        self._lock.acquire()

    def open(self) -> None:
        """Let the strand go on."""
        self._lock.release()

    def wait(self) -> None:
        """Wait until it is opened."""
        self._lock.acquire()


class Threads:
    """Starts threads."""

    name = "thread"
    kind = "thread"

    def __init__(self) -> None:
        self._finished = LockGate()

    def gate(self) -> LockGate:
        """A place where the current thread can wait."""
        return LockGate()

    def settle_here(self) -> None:
        """A thread that is to take turns was announced by who started it: nobody else will come."""

    def lock(self) -> AbstractContextManager[object]:
        """A native lock."""
        lock: AbstractContextManager[object] = _allocate()
        return lock

    def start(self, number: int, run: Callable[[], None], begin: Callable[[Any], None]) -> Any:
        """Start a thread; it inherits the context variables, and never keeps the process alive."""
        context = contextvars.copy_context()
        thread = threading.Thread(
            target=context.run, args=(run,), name=f"sessionguard-worker-{number}", daemon=True
        )
        begin(thread)
        thread.start()
        return thread

    def sleep(self, seconds: float, until: Callable[[], bool]) -> None:
        """Wait for ``notify``."""
        if not until() and self._finished._lock.acquire(timeout=seconds):
            self._finished._lock.release()

    def call(self, function: Callable[[], None]) -> None:
        """Call it here: threads run everywhere."""
        function()

    def notify(self) -> None:
        """Wake whoever sleeps; a worker that comes late may say it once more."""
        with contextlib.suppress(RuntimeError):
            self._finished.open()

    def watched(
        self, turns: Turns, timeout: float, watcher: Watcher
    ) -> AbstractContextManager[None]:
        """No thread stops the one that watches."""
        return nullcontext()

    def is_idle(self) -> bool:
        """Whether all other threads wait, as far as the kernel tells."""
        own = threading.get_native_id()
        try:
            tasks = [task for task in Path("/proc/self/task").iterdir() if int(task.name) != own]
            return all(_state(task) not in "RD" for task in tasks)
        except OSError:
            return True  # another kernel, or a thread that has just ended

    def interrupt(self, worker: Any) -> None:
        """Have the thread raise ``Abandoned`` when it next runs a line of Python."""
        if worker.is_alive():
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(worker.ident), ctypes.py_object(Abandoned)
            )

    def frame(self, worker: Any) -> Any:
        """Where the thread is just now."""
        return sys._current_frames().get(worker.ident) if worker.is_alive() else None


def _state(task: Path) -> str:
    """The state letter of a thread: what follows its name in parentheses, see proc(5)."""
    return (task / "stat").read_text().rpartition(")")[2].split()[0]


def _allocate() -> Any:
    return native("_thread", "allocate_lock", _thread.allocate_lock)()

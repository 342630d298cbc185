"""What a backend does, and the choice of one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from pytest_sessionguard.backends.watcher import Watcher
from pytest_sessionguard.schedule.states import Gate
from pytest_sessionguard.schedule.turns import Turns


class Unavailable(Exception):
    """A backend that cannot be had here; the text says why, and what to do."""


class Backend(Protocol):
    """Starts, parks and wakes workers of one kind.

    ``kind`` is the kind of their strands (``"thread"``, ``"greenlet"``).
    """

    name: str
    kind: str

    def gate(self) -> Gate:
        """A place where the strand that runs now can wait."""

    def settle_here(self) -> None:
        """Let what is ready run, while the current strand waits."""

    def lock(self) -> AbstractContextManager[object]:
        """A lock for a few instructions."""

    def start(self, number: int, run: Callable[[], None], begin: Callable[[Any], None]) -> Any:
        """Start a worker that calls ``run``; ``begin`` is told of it before it runs."""

    def sleep(self, seconds: float, until: Callable[[], bool]) -> None:
        """Let workers run for at most ``seconds``, or until they have finished."""

    def call(self, function: Callable[[], None]) -> None:
        """Have a function called where the workers run; from any thread."""

    def notify(self) -> None:
        """They have finished: wake whoever sleeps."""

    def watched(
        self, turns: Turns, timeout: float, watcher: Watcher
    ) -> AbstractContextManager[None]:
        """Somebody else who watches, where a worker can stop whoever does; see ``watchdog``."""

    def is_idle(self) -> bool:
        """Whether none of the workers, nor anything they started, is running just now."""

    def interrupt(self, worker: Any) -> None:
        """End a worker that has not come back, as far as that can be done."""

    def frame(self, worker: Any) -> Any:
        """Where a worker is just now; None when it has ended."""


def chosen(name: str) -> str:
    """``"auto"`` made definite: greenlets where gevent has patched threads."""
    if name != "auto":
        return name
    return "gevent" if is_patched() else "thread"


def make(name: str) -> Backend:
    """The backend of this name. Raises ``Unavailable``."""
    if name == "thread":
        if is_patched():
            raise Unavailable(
                "backend='thread': gevent has patched threads, so a thread would be a greenlet; "
                "say backend='gevent', or have nothing patched in this run"
            )
        from pytest_sessionguard.backends.threads import Threads

        return Threads()
    if not is_patched():
        raise Unavailable(
            "backend='gevent': gevent has not patched threads, so greenlets would share what is "
            "each thread's own; call monkey.patch_all() before the app is imported, or run with "
            "--sessionguard-gevent=early (or late, for an app that is loaded before it is patched)"
        )
    from pytest_sessionguard.backends.greenlets import Greenlets

    return Greenlets()


def is_patched() -> bool:
    """Whether gevent has patched threads in this process."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("threading"))

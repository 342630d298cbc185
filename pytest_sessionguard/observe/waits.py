"""What the user's code waits for while workers take turns: locks, events, semaphores, queues.

A worker that waits for another one must give the turn away at once. So it does not wait in
earnest: it asks, steps back while others go on, and asks again. Placed for the concurrent part of
a test only. Waiting for its own child (join, a future) is nobody else's affair.
"""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
from collections.abc import Callable
from typing import Any

from pytest_sessionguard.observe.hooks import Hooks
from pytest_sessionguard.observe.recorder import Recorder, Scheduler


def install(recorder: Recorder, hooks: Hooks) -> None:
    """Wrap the methods that wait."""

    def waiting(what: str, is_free: Callable[[Any], bool]) -> Callable[[Any], Any]:
        return lambda original: _waiting(recorder, original, what, is_free)

    event = waiting("an event", lambda event: bool(event.is_set()))
    semaphore = waiting("a semaphore", lambda semaphore: semaphore._value > 0)
    item = waiting("an item of a queue", lambda queue: queue.qsize() > 0)
    room = waiting("room in a queue", lambda queue: not queue.full())
    for owner, name, make in (
        (threading.Event, "wait", event),
        (threading.Semaphore, "acquire", semaphore),
        (threading.Semaphore, "__enter__", semaphore),
        (queue.Queue, "get", item),
        (queue.Queue, "put", room),
    ):
        with contextlib.suppress(TypeError):  # one of gevent's, in C: waiting there is seen late
            hooks.wrap(owner, name, make)


def _waiting(
    recorder: Recorder, original: Any, what: str, is_free: Callable[[Any], bool]
) -> Callable[..., Any]:
    def waits(self: Any, *args: Any, **kwargs: Any) -> Any:
        scheduler = recorder.scheduler
        caller = sys._getframe(1).f_code.co_filename
        if scheduler is not None and recorder.frames.roles[caller] in ("app", "test"):
            while not is_free(self) and scheduler.wait(what, lambda: is_free(self)):
                pass
        return original(self, *args, **kwargs)

    return waits


def lock(plain: Any, scheduler: Scheduler, blocking: bool = True, timeout: float = -1) -> bool:
    """Take a lock as soon as it is free; False if the strand should ask for it in earnest."""
    if not blocking or timeout == 0:
        return False
    while not plain.acquire(False):
        if not scheduler.wait("a lock", lambda: _is_free(plain)):
            return False
    return True


def _is_free(plain: Any) -> bool:
    locked = getattr(plain, "locked", None)  # an RLock has none before Python 3.14
    if locked is not None:
        return not locked()
    if not plain.acquire(False):
        return False
    plain.release()
    return True

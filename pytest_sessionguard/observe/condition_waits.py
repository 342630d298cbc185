"""Conditions, and what is built of them (barriers, ``Queue.join``), while workers take turns.

Whoever waits on a Condition waits for a lock of its own, which ``notify`` releases. ``threading``
makes these locks with a name of its own; there a lock stands in that gives the turn away.
"""

from __future__ import annotations

import inspect
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from pytest_sessionguard.observe.blocking import Wanted
from pytest_sessionguard.observe.hooks import Hooks
from pytest_sessionguard.observe.recorder import Recorder, Scheduler
from pytest_sessionguard.schedule.waiting import Answer

_WAIT = inspect.unwrap(threading.Condition.wait).__code__.co_qualname
_THROUGH = frozenset(
    {"Condition.wait_for", "Barrier.wait", "Barrier._wait", "Barrier._enter", "Queue.join"}
)


def install(recorder: Recorder, hooks: Hooks) -> None:
    """Stand in for the waiters' locks, and wrap ``wait_for``."""
    hooks.replace(
        threading,
        "_allocate_lock",
        Allocating(threading._allocate_lock, recorder),  # type: ignore
    )
    hooks.wrap(threading.Condition, "wait_for", lambda original: _waiting_for(recorder, original))


class Allocating:
    """Makes the lock of somebody who waits on a Condition; for everybody else a plain one."""

    def __init__(self, plain: Callable[[], Any], recorder: Recorder) -> None:
        self._plain = plain
        self._recorder = recorder

    def __call__(self) -> Any:
        lock, scheduler = self._plain(), self._recorder.scheduler
        frame = sys._getframe(1)
        if scheduler is None or frame.f_code.co_qualname != _WAIT:
            return lock
        condition = frame.f_locals.get("self")
        if not isinstance(condition, threading.Condition) or not _by_user(self._recorder, frame):
            return lock
        return Waiter(lock, condition, scheduler)


class Waiter:
    """The lock of one who waits: taken at once, and taken again when somebody has notified."""

    __slots__ = ("_condition", "_plain", "_scheduler")

    def __init__(self, plain: Any, condition: threading.Condition, scheduler: Scheduler) -> None:
        self._plain = plain
        self._condition = condition
        self._scheduler = scheduler

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """As a lock's; the condition's own lock must be free then, too."""
        if self._plain.acquire(False):
            return True
        if not blocking:
            return False
        seconds = timeout if timeout >= 0 else None
        wanted = Wanted("signal", "a condition", self._is_notified, seconds=seconds)
        answer = Answer.AGAIN
        while answer is Answer.AGAIN and not self._is_notified():
            answer = self._scheduler.wait(wanted)
        if answer is Answer.IN_EARNEST:
            return bool(self._plain.acquire(blocking, timeout))
        return bool(self._plain.acquire(False))

    def _is_notified(self) -> bool:
        return not self._plain.locked() and is_free(self._condition._lock)  # type: ignore

    def release(self) -> None:
        """Somebody notifies."""
        self._plain.release()


def _waiting_for(recorder: Recorder, original: Any) -> Callable[..., Any]:
    def wait_for(self: Any, predicate: Callable[[], Any], timeout: float | None = None) -> Any:
        if recorder.scheduler is None or not _by_user(recorder, sys._getframe()):
            return original(self, predicate, timeout)
        # The original looks at the clock, and would ask again and again until the time is over.
        while not (result := predicate()):
            if not self.wait(timeout):
                return predicate()
        return result

    return wait_for


def _by_user(recorder: Recorder, frame: FrameType) -> bool:
    """Whether the user's code waits, itself or through what the standard library builds of it."""
    roles, outer = recorder.frames.roles, frame.f_back
    while outer is not None:
        role = roles[outer.f_code.co_filename]
        if role in ("app", "test"):
            return True
        if role != "guard" and outer.f_code.co_qualname not in _THROUGH:
            return False
        outer = outer.f_back
    return False


def is_free(plain: Any) -> bool:
    """Whether nobody holds a lock."""
    locked = getattr(plain, "locked", None)  # an RLock has none before Python 3.14
    if locked is not None:
        return not locked()
    if plain._is_owned() or not plain.acquire(False):
        return False  # whoever asks may be the one that holds it
    plain.release()
    return True

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
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from pytest_sessionguard.observe.blocking import Held, Wanted
from pytest_sessionguard.observe.hooks import Hooks
from pytest_sessionguard.observe.recorder import Recorder, Scheduler
from pytest_sessionguard.schedule.waiting import Answer


class Call(NamedTuple):
    """A call that may wait: for how long (None: for ever), and the arguments that wait no time."""

    seconds: float | None
    at_once: tuple[Any, ...]


class Kind(NamedTuple):
    """A method that waits: for what, whether it is there, and what its arguments ask for.

    ``asked`` takes the arguments of the method; None when such a call does not wait.
    """

    what: str
    is_free: Callable[[Any], bool]
    asked: Callable[..., Call | None]


def install(recorder: Recorder, hooks: Hooks) -> None:
    """Wrap the methods that wait."""
    event = Kind("an event", lambda event: bool(event.is_set()), _of_event)
    semaphore = Kind("a semaphore", lambda semaphore: semaphore._value > 0, _of_acquire)
    item = Kind("an item of a queue", lambda queue: queue.qsize() > 0, _of_get)
    room = Kind("room in a queue", lambda queue: not queue.full(), _of_put)
    for owner, name, kind in (
        (threading.Event, "wait", event),
        (threading.Semaphore, "acquire", semaphore),
        (threading.Semaphore, "__enter__", semaphore),
        (queue.Queue, "get", item),
        (queue.Queue, "put", room),
    ):
        with contextlib.suppress(TypeError):  # one of gevent's, in C: waiting there is seen late
            hooks.wrap(owner, name, _waiting(recorder, kind))


def _of_event(timeout: float | None = None) -> Call | None:
    return Call(timeout, (0,))


def _of_acquire(blocking: bool = True, timeout: float | None = None) -> Call | None:
    return Call(timeout, (True, 0)) if blocking else None


def _of_get(block: bool = True, timeout: float | None = None) -> Call | None:
    return Call(timeout, (True, 0)) if block else None


def _of_put(item: Any, block: bool = True, timeout: float | None = None) -> Call | None:
    return Call(timeout, (item, True, 0)) if block else None


def _waiting(recorder: Recorder, kind: Kind) -> Callable[[Any], Any]:
    def make(original: Any) -> Callable[..., Any]:
        def waits(self: Any, *args: Any, **kwargs: Any) -> Any:
            scheduler = recorder.scheduler
            caller = sys._getframe(1).f_code.co_filename
            if scheduler is not None and recorder.frames.roles[caller] in ("app", "test"):
                args, kwargs = _waited(scheduler, kind, self, args, kwargs)
            return original(self, *args, **kwargs)

        return waits

    return make


def _waited(
    scheduler: Scheduler, kind: Kind, thing: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Wait until the method need not; the arguments with which it is to be called now."""
    try:
        call = kind.asked(*args, **kwargs)
    except TypeError:
        call = None  # a wrong call: the method says so itself
    if call is None:
        return args, kwargs
    wanted = Wanted("signal", kind.what, lambda: kind.is_free(thing), seconds=call.seconds)
    while not kind.is_free(thing):
        answer = scheduler.wait(wanted)
        if answer is Answer.GIVE_UP:
            return call.at_once, {}
        if answer is Answer.IN_EARNEST:
            break
    return args, kwargs


def lock(
    plain: Any,
    scheduler: Scheduler,
    held: Callable[[], Sequence[Held] | None],
    blocking: bool = True,
    timeout: float = -1,
) -> bool | None:
    """Take a lock as soon as it is free; None if the strand should ask for it in earnest."""
    if not blocking or timeout == 0:
        return None
    seconds = timeout if timeout > 0 else None
    wanted = Wanted("lock", "a lock", lambda: _is_free(plain), held, seconds)
    while not plain.acquire(False):
        answer = scheduler.wait(wanted)
        if answer is not Answer.AGAIN:
            return False if answer is Answer.GIVE_UP else None
    return True


def _is_free(plain: Any) -> bool:
    locked = getattr(plain, "locked", None)  # an RLock has none before Python 3.14
    if locked is not None:
        return not locked()
    if plain._is_owned() or not plain.acquire(False):
        return False  # whoever asks may be the one that holds it
    plain.release()
    return True

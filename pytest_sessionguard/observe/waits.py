"""What the user's code waits for while workers take turns: locks, events, semaphores, queues, futures.

A worker that waits for another one must give the turn away at once. So it does not wait in
earnest: it asks, steps back while others go on, and asks again. Placed for the concurrent part of
a test only. Waiting for its own child (its join, an executor's future) is nobody else's affair.

Whether a thing is there is asked beneath the hooks of ``signals``: whoever decides has learned
nothing by it.
"""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from types import FrameType
from typing import Any, NamedTuple

from pytest_sessionguard.observe import condition_waits
from pytest_sessionguard.observe.blocking import Held, Wanted
from pytest_sessionguard.observe.hooks import Hooks
from pytest_sessionguard.observe.recorder import Recorder, Scheduler
from pytest_sessionguard.observe.strand import Strand
from pytest_sessionguard.schedule.waiting import Answer

JOB = "_sessionguard_job"
"""Marks the future of an executor's job."""


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
    for owner, name, kind in (
        (threading.Event, "wait", EVENT),
        (threading.Semaphore, "acquire", SEMAPHORE),
        (threading.Semaphore, "__enter__", SEMAPHORE),
        (queue.Queue, "get", ITEM),
        (queue.Queue, "put", ROOM),
        (Future, "result", RESULT),
        (Future, "exception", RESULT),
    ):
        if not owner.__module__.startswith("gevent"):  # those of gevent's know it by themselves
            hooks.wrap(owner, name, _waiting(recorder, kind))
    hooks.wrap(threading.Thread, "join", _joining(recorder))
    condition_waits.install(recorder, hooks)


def _of_event(timeout: float | None = None) -> Call | None:
    return Call(timeout, (0,))


def _of_acquire(blocking: bool = True, timeout: float | None = None) -> Call | None:
    return Call(timeout, (True, 0)) if blocking else None


def _of_get(block: bool = True, timeout: float | None = None) -> Call | None:
    return Call(timeout, (True, 0)) if block else None


def _of_put(item: Any, block: bool = True, timeout: float | None = None) -> Call | None:
    return Call(timeout, (item, True, 0)) if block else None


_UNDONE = ("PENDING", "RUNNING")
EVENT = Kind("an event", lambda event: bool(event._flag), _of_event)
SEMAPHORE = Kind("a semaphore", lambda semaphore: semaphore._value > 0, _of_acquire)
ITEM = Kind("an item of a queue", lambda queue: queue.qsize() > 0, _of_get)
ROOM = Kind("room in a queue", lambda queue: not queue.full(), _of_put)
RESULT = Kind("a future's result", lambda future: future._state not in _UNDONE, _of_event)


def _waiting(recorder: Recorder, kind: Kind) -> Callable[[Any], Any]:
    def make(original: Any) -> Callable[..., Any]:
        def waits(self: Any, *args: Any, **kwargs: Any) -> Any:
            if recorder.scheduler is not None:
                args, kwargs = waited(recorder, kind, self, args, kwargs, sys._getframe(1))
            return original(self, *args, **kwargs)

        return waits

    return make


def waited(
    recorder: Recorder,
    kind: Kind,
    thing: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    frame: FrameType,
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Wait until the method need not; the arguments with which it is to be called now.

    ``frame`` calls it; what a library waits for is its own affair, and so is a job of an executor.
    """
    scheduler = recorder.scheduler
    if scheduler is None or recorder.frames.roles[frame.f_code.co_filename] not in ("app", "test"):
        return args, kwargs
    try:
        call = kind.asked(*args, **kwargs)
    except TypeError:
        call = None  # a wrong call: the method says so itself
    if call is None or (kind is RESULT and JOB in vars(thing)):
        return args, kwargs
    recorder.shielded(recorder.touch, thing)  # also where it has to wait
    answer = until(scheduler, kind.what, lambda: kind.is_free(thing), call.seconds)
    return (call.at_once, {}) if answer is Answer.GIVE_UP else (args, kwargs)


def until(
    scheduler: Scheduler, what: str, is_free: Callable[[], bool], seconds: float | None
) -> Answer:
    """Step back until ``is_free()``; ``AGAIN`` when it is."""
    wanted, answer = Wanted("signal", what, is_free, seconds=seconds), Answer.AGAIN
    while answer is Answer.AGAIN and not is_free():
        answer = scheduler.wait(wanted)
    return answer


def _joining(recorder: Recorder) -> Callable[[Any], Any]:
    """One worker joins another one's thread; what it has started itself is nobody else's affair."""

    def make(original: Any) -> Callable[..., Any]:
        def join(self: Any, timeout: float | None = None) -> Any:
            scheduler, strand = recorder.scheduler, vars(self).get("_sessionguard")
            if scheduler is None or not isinstance(strand, Strand) or not scheduler.orders(strand):
                return original(self, timeout)
            whose = [Held(strand, strand.worker, (), "has not ended")]
            wanted = Wanted(
                "worker", f"the end of {strand.label}", lambda: strand.ended, lambda: whose, timeout
            )
            while not strand.ended:
                answer = scheduler.wait(wanted)
                if answer is not Answer.AGAIN:
                    return original(self, 0 if answer is Answer.GIVE_UP else timeout)
            return original(self, timeout)

        return join

    return make


def lock(
    plain: Any,
    scheduler: Scheduler,
    held: Callable[[], Sequence[Held] | None],
    blocking: bool = True,
    timeout: float | None = -1,
) -> bool | None:
    """Take a lock as soon as it is free; None if the strand should ask for it in earnest."""
    return take(
        scheduler,
        lambda: plain.acquire(False),
        lambda: condition_waits.is_free(plain),
        held,
        blocking,
        timeout,
    )


def take(
    scheduler: Scheduler,
    attempt: Callable[[], Any],
    is_free: Callable[[], bool],
    held: Callable[[], Sequence[Held] | None],
    blocking: bool = True,
    timeout: float | None = -1,
) -> bool | None:
    """The same for what has another way to be taken, or to tell whether it is free."""
    if not blocking or timeout == 0:
        return None
    seconds = timeout if timeout is not None and timeout > 0 else None
    wanted = Wanted("lock", "a lock", is_free, held, seconds)
    while not attempt():
        answer = scheduler.wait(wanted)
        if answer is not Answer.AGAIN:
            return False if answer is Answer.GIVE_UP else None
    return True

"""Observes gevent's own events, results and queues, where nobody has to wait.

They are C types whose methods cannot be wrapped, and what is ready when it is asked for switches
to nobody, so ``patching.py`` sees no order. Subclasses stand in their modules' names.
"""

from __future__ import annotations

import sys
from typing import Any

from pytest_sessionguard.observe.hooks import Hooks
from pytest_sessionguard.observe.signals import Signals
from pytest_sessionguard.observe.standins import named_like, standing_for
from pytest_sessionguard.observe.waits import EVENT, ITEM, ROOM, waited

_QUEUES = (
    "SimpleQueue", "Queue", "UnboundQueue", "JoinableQueue", "LifoQueue", "PriorityQueue", "Channel",
)  # fmt: skip


class Greened:
    """The stand-ins in ``gevent.event`` and ``gevent.queue``."""

    def __init__(self, signals: Signals) -> None:
        self.signals = signals

    def install_events(self, hooks: Hooks) -> None:
        """Stand in for Event and AsyncResult."""
        module = sys.modules["gevent.event"]
        hooks.copied_by("gevent")
        hooks.replace(module, "Event", event_class(module.Event, self.signals))
        hooks.replace(module, "AsyncResult", result_class(module.AsyncResult, self.signals))

    def install_queues(self, hooks: Hooks) -> None:
        """Stand in for every queue; two names of one class stay two names of one class."""
        module = sys.modules["gevent.queue"]
        made: dict[Any, Any] = {}
        for name in _QUEUES:
            plain = getattr(module, name, None)
            if plain is not None:
                if plain not in made:
                    made[plain] = queue_class(plain, self.signals)
                hooks.replace(module, name, made[plain])


def event_class(plain: Any, signals: Signals) -> Any:
    """An Event that orders whoever sees it set after whoever set it."""
    recorder, event = signals.recorder, EVENT._replace(is_free=plain.ready)

    class Event(plain, metaclass=standing_for(plain)):  # type: ignore
        def set(self) -> Any:
            recorder.shielded(signals.signal, self)
            return super().set()

        def wait(self, *args: Any, **kwargs: Any) -> Any:
            if recorder.scheduler is not None:
                args, kwargs = waited(recorder, event, self, args, kwargs, sys._getframe(1))
            return self._sessionguard_seen(super().wait(*args, **kwargs))

        def is_set(self) -> Any:
            return self._sessionguard_seen(super().is_set())

        def ready(self) -> Any:
            return self._sessionguard_seen(super().ready())

        def rawlink(self, callback: Any) -> Any:  # gevent.wait([event])
            self._sessionguard_seen(super().ready())
            return super().rawlink(callback)

        def _sessionguard_seen(self, answer: Any) -> Any:
            if answer:
                recorder.shielded(signals.join, self)
            return answer

        isSet = is_set

    return named_like(Event, plain)


def result_class(plain: Any, signals: Signals) -> Any:
    """An AsyncResult that orders whoever learns of its value after whoever set it."""
    recorder = signals.recorder
    value, end = (
        ITEM._replace(what="a result", is_free=plain.ready),
        EVENT._replace(is_free=plain.ready),
    )

    class AsyncResult(plain, metaclass=standing_for(plain)):  # type: ignore
        def set(self, *args: Any, **kwargs: Any) -> Any:
            recorder.shielded(signals.signal, self)
            return super().set(*args, **kwargs)

        def set_exception(self, *args: Any, **kwargs: Any) -> Any:
            recorder.shielded(signals.signal, self)
            return super().set_exception(*args, **kwargs)

        def get(self, *args: Any, **kwargs: Any) -> Any:
            if recorder.scheduler is not None:
                args, kwargs = waited(recorder, value, self, args, kwargs, sys._getframe(1))
            try:
                return super().get(*args, **kwargs)
            finally:
                self._sessionguard_seen()

        def get_nowait(self) -> Any:
            return self.get(block=False)

        def wait(self, *args: Any, **kwargs: Any) -> Any:
            if recorder.scheduler is not None:
                args, kwargs = waited(recorder, end, self, args, kwargs, sys._getframe(1))
            try:
                return super().wait(*args, **kwargs)
            finally:
                self._sessionguard_seen()

        def ready(self) -> Any:
            self._sessionguard_seen()
            return super().ready()

        def successful(self) -> Any:
            self._sessionguard_seen()
            return super().successful()

        @property
        def value(self) -> Any:
            self._sessionguard_seen()
            return super().value

        def rawlink(self, callback: Any) -> Any:  # gevent.wait([result])
            self._sessionguard_seen()
            return super().rawlink(callback)

        def _sessionguard_seen(self) -> None:
            if super().ready():
                recorder.shielded(signals.join, self)

    return named_like(AsyncResult, plain)


def queue_class(plain: Any, signals: Signals) -> Any:
    """A queue whose items order."""
    recorder = signals.recorder
    buffers = plain.__name__ != "Channel"  # there each has to be waiting before the other comes

    class Queue(plain, metaclass=standing_for(plain)):  # type: ignore
        def put(self, item: Any, *args: Any, **kwargs: Any) -> Any:
            if recorder.scheduler is not None and buffers:
                frame = sys._getframe(1)
                (item, *rest), kwargs = waited(recorder, ROOM, self, (item, *args), kwargs, frame)
                args = tuple(rest)
            recorder.shielded(signals.put, self, item, sys._getframe().f_back)
            return super().put(item, *args, **kwargs)

        def put_nowait(self, item: Any) -> Any:
            return self.put(item, False)

        def get(self, *args: Any, **kwargs: Any) -> Any:
            if recorder.scheduler is not None and buffers:
                args, kwargs = waited(recorder, ITEM, self, args, kwargs, sys._getframe(1))
            item = super().get(*args, **kwargs)
            recorder.shielded(signals.got, self, item)
            return item

        def get_nowait(self) -> Any:
            return self.get(False)

    named_like(Queue, plain)
    if hasattr(plain, "task_done"):
        for name, wrapped in (("task_done", signals.signalling), ("join", signals.joining())):
            setattr(Queue, name, wrapped(getattr(plain, name)))
    return Queue

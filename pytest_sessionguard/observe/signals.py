"""Hand-overs that the code itself makes: events, futures, barriers, conditions, queue items.

Whoever sets, notifies or puts passes its clock on; whoever sees it set, is woken or takes the item
joins it, whether it had to wait or found it there already.
"""

from __future__ import annotations

import functools
import sys
from collections import defaultdict, deque
from collections.abc import Callable
from types import FrameType
from typing import Any

from pytest_sessionguard.clocks import Snapshot, merged
from pytest_sessionguard.observe.identity import ByIdentity
from pytest_sessionguard.observe.recorder import Recorder
from pytest_sessionguard.observe.strand import Strand
from pytest_sessionguard.observe.waits import ITEM, waited

# Queues that libraries use for affairs of their own.
_ITS_OWN_QUEUES = ("concurrent.futures.thread", "logging.handlers", "sqlalchemy.", "aiosqlite.")


class Signals:
    """What was passed on through each object, and wrappers for the methods that do it."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self._set: ByIdentity[Snapshot] = ByIdentity()
        self._passed_on = self._set.known
        self._items: ByIdentity[Items] = ByIdentity()
        self.taken: Callable[[Any], None] | None = None
        self.given: Callable[[Any, FrameType | None], None] | None = None

    # -- what is passed on -----------------------------------------------------------------

    def signal(self, thing: Any) -> None:
        """The current strand passes its clock on through ``thing``; not from inside an operation."""
        strand = self.recorder.strands.current()
        if strand.internal or strand.operations:
            return
        if self.recorder.scheduler is not None:
            self.recorder.touch(thing)
        snapshot = strand.clock.export()
        if snapshot is not None:
            earlier = self._passed_on.get(id(thing))
            self._set[thing] = snapshot if earlier is None else merged(earlier.value, snapshot)

    def join(self, thing: Any, result: Any = None) -> None:
        """The current strand is after whatever was passed on through ``thing``."""
        del result
        if self.recorder.scheduler is not None:
            self.recorder.touch(thing)
        known = self._passed_on.get(id(thing))
        if known is not None:
            self.recorder.strands.current().clock.join(known.value)

    def join_if(self, thing: Any, result: Any) -> None:
        """The current strand asked, and the answer was yes."""
        if result:
            self.join(thing)

    def put(self, container: Any, item: Any, giver: FrameType | None) -> None:
        """An item goes into a queue: it carries its giver's clock."""
        strand = self.recorder.strands.current()
        if strand.internal or strand.operations:
            return
        if giver is not None and giver.f_globals.get("__name__", "").startswith(_ITS_OWN_QUEUES):
            return
        self.recorder.touch(container)
        items = self._items.get(container)
        if items is None:
            items = self._items[container] = Items()
        items.add(item, strand.clock.export())
        if self.given is not None:
            self.given(item, giver)

    def got(self, container: Any, item: Any) -> None:
        """An item came out of a queue."""
        self.recorder.touch(container)
        items = self._items.get(container)
        if items is not None:
            self.recorder.strands.current().clock.join(items.take(item))
        if self.taken is not None:
            self.taken(item)

    def withdraw(self, container: Any, item: Any) -> None:
        """An item did not go into a queue after all."""
        items = self._items.get(container)
        if items is not None:
            items.take(item)

    # -- wrappers --------------------------------------------------------------------------

    def signalling(self, original: Any) -> Any:
        """A method that passes on."""
        recorder, signal = self.recorder, self.signal

        def sets(self: Any, *args: Any, **kwargs: Any) -> Any:
            recorder.shielded(signal, self)
            return original(self, *args, **kwargs)

        return sets

    def signalling_of_user(self, original: Any) -> Any:
        """A method that passes on when the user's code calls it: libraries' are their own affair."""
        recorder, signal, by_user = self.recorder, self.signal, self.recorder.frames.called_by_user
        through = frozenset({original.__module__.split(".")[0], "concurrent"})

        def sets(self: Any, *args: Any, **kwargs: Any) -> Any:
            if recorder.shielded(by_user, sys._getframe(), through):
                recorder.shielded(signal, self)
            return original(self, *args, **kwargs)

        return sets

    def joining(self, join: Callable[[Any, Any], None] | None = None) -> Callable[[Any], Any]:
        """Makes wrappers that call ``join(thing, result)`` after the method."""
        return self._learning(join or self.join, always=False)

    def asking(self, learn: Callable[[Any, Any], None]) -> Callable[[Any], Any]:
        """The same, whether or not anything was passed on."""
        return self._learning(learn, always=True)

    def _learning(self, learn: Callable[[Any, Any], None], always: bool) -> Callable[[Any], Any]:
        recorder, passed_on = self.recorder, self._passed_on

        def make(original: Any) -> Any:
            def waits(self: Any, *args: Any, **kwargs: Any) -> Any:
                result = None
                try:
                    result = original(self, *args, **kwargs)
                    return result
                finally:
                    # Libraries enter the conditions of their futures all the time.
                    if always or id(self) in passed_on or recorder.scheduler is not None:
                        recorder.shielded(learn, self, result)

            return waits

        return make

    def joining_async(self, original: Any) -> Any:
        """The same for a coroutine method."""
        recorder, join = self.recorder, self.join

        async def waits(self: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                return await original(self, *args, **kwargs)
            finally:
                recorder.shielded(join, self)

        return waits

    def leaving_group(self, original: Any) -> Any:
        """A task group's ``__aexit__``: all that the strand had started and that ended is before."""
        recorder = self.recorder

        def join_children() -> None:
            current = recorder.strands.current()
            current.clock.join(current.children.export())

        async def __aexit__(self: Any, *args: Any) -> Any:
            try:
                return await original(self, *args)
            finally:
                recorder.shielded(join_children)

        return __aexit__

    def calling_back(self, original: Any) -> Any:
        """A future's ``add_done_callback``: one that is done calls back at once, in its caller.

        The callback is after the result, and so is whatever it sets; the caller is not: it has
        learned nothing. So the callback runs as a strand of its own.
        """
        recorder = self.recorder

        def adds(self_: Any, *args: Any, **kwargs: Any) -> Any:
            aside = recorder.shielded(self._aside, self_)
            try:
                return original(self_, *args, **kwargs)
            finally:
                if aside is not None:
                    recorder.shielded(self._back, *aside)

        return adds

    def _aside(self, future: Any) -> tuple[Strand, Strand | None, Strand] | None:
        snapshot = self._set.get(future)
        if snapshot is None:
            return None
        strands = self.recorder.strands
        current, place = strands.current(), strands.underlying()
        callback = strands.callback()
        callback.worker = strands.worker(current)
        callback.clock.join(current.clock.export())
        callback.clock.join(snapshot)
        before, place.job = place.job, callback
        return place, before, callback

    def _back(self, place: Strand, before: Strand | None, callback: Strand) -> None:
        place.job = before
        if callback.clock.tick:
            self.recorder.strands.current().clock.join(callback.clock.export())

    def meeting(self, original: Any) -> Any:
        """A barrier's wait: everybody passes on, everybody joins."""
        recorder, signal, join = self.recorder, self.signal, self.join

        def wait(self: Any, *args: Any, **kwargs: Any) -> Any:
            recorder.shielded(signal, self)
            recorder.shielded(join, self)
            try:
                return original(self, *args, **kwargs)
            finally:
                recorder.shielded(join, self)

        return wait

    def meeting_async(self, original: Any) -> Any:
        """The same for asyncio's barrier."""
        recorder, signal, join = self.recorder, self.signal, self.join

        async def wait(self: Any) -> Any:
            recorder.shielded(signal, self)
            try:
                return await original(self)
            finally:
                recorder.shielded(join, self)

        return wait

    def putting(self, original: Any) -> Any:
        """A queue's put."""
        recorder, put = self.recorder, self.put

        def puts(self: Any, item: Any, *args: Any, **kwargs: Any) -> Any:
            recorder.shielded(put, self, item, sys._getframe().f_back)
            return original(self, item, *args, **kwargs)

        return puts

    def getting(self, original: Any) -> Any:
        """A queue's get."""
        recorder, got = self.recorder, self.got

        def gets(self: Any, *args: Any, **kwargs: Any) -> Any:
            item = original(self, *args, **kwargs)
            recorder.shielded(got, self, item)
            return item

        return gets


class Items:
    """What the items in one queue carry; equal objects are told apart by identity and order."""

    __slots__ = ("_carried",)

    def __init__(self) -> None:
        self._carried: defaultdict[int, deque[Snapshot | None]] = defaultdict(deque)

    def add(self, item: Any, snapshot: Snapshot | None) -> None:
        """``item``, which lives at least until it is taken, carries ``snapshot``."""
        self._carried[id(item)].append(snapshot)

    def take(self, item: Any) -> Snapshot | None:
        """What ``item`` carried."""
        carried = self._carried.get(id(item))
        if not carried:  # a queue that gives out something else than it was given
            given = [each for every in self._carried.values() for each in every if each is not None]
            return functools.reduce(merged, given) if given else None
        snapshot = carried.popleft()
        if not carried:
            del self._carried[id(item)]
        return snapshot


def simple_queue_class(original: Any, signals: Signals) -> Any:
    """A SimpleQueue whose items order: the C class has no methods that could be wrapped."""
    recorder = signals.recorder

    class SimpleQueue(original):  # type: ignore[misc]
        def put(self, item: Any, *args: Any, **kwargs: Any) -> None:
            recorder.shielded(signals.put, self, item, sys._getframe().f_back)
            super().put(item, *args, **kwargs)

        put_nowait = put

        def get(self, *args: Any, **kwargs: Any) -> Any:
            if recorder.scheduler is not None:
                args, kwargs = waited(recorder, ITEM, self, args, kwargs, sys._getframe(1))
            item = super().get(*args, **kwargs)
            recorder.shielded(signals.got, self, item)
            return item

        def get_nowait(self) -> Any:
            return self.get(block=False)

    SimpleQueue.__module__ = original.__module__
    return SimpleQueue

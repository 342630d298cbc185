"""Observes hand-overs of other libraries: anyio's streams and locks, janus, ThreadPool's results."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

from pytest_sessionguard.observe.hooks import Hooks
from pytest_sessionguard.observe.locks import Locks
from pytest_sessionguard.observe.recorder import Recorder
from pytest_sessionguard.observe.signals import Signals


class Channels:
    """The hooks on them, placed when their modules are imported."""

    def __init__(self, recorder: Recorder, signals: Signals, locks: Locks) -> None:
        self.recorder = recorder
        self.signals = signals
        self.locks = locks
        self._waiting: set[CodeType] = set()

    def watchers(self) -> dict[str, Callable[[Any, Hooks], None]]:
        """Module name -> what to wrap once it has been imported."""
        return {
            "anyio.streams.memory": self._watch_streams,
            "anyio._core._synchronization": self._watch_anyio,
            "anyio._backends._asyncio": self._watch_anyio,
            "janus": self._watch_janus,
            "multiprocessing.pool": self._watch_pool,
        }

    def _watch_pool(self, module: Any, hooks: Hooks) -> None:
        """A result of ``imap`` is set by one thread of the pool's and fetched by its user."""
        for kind in (module.IMapIterator, module.IMapUnorderedIterator):
            hooks.wrap(kind, "_set", self.signals.signalling)
            for name in ("next", "__next__"):
                hooks.wrap(kind, name, self.signals.joining())

    # -- anyio's locks -----------------------------------------------------------------------

    def _watch_anyio(self, module: Any, hooks: Hooks) -> None:
        """The classes are the library's own or, since 4.5, the backend's."""
        signals, kinds = self.signals, vars(module)
        if "Lock" in kinds:
            self.locks.install_asyncio(module.Lock, hooks)
            hooks.wrap(module.Lock, "acquire_nowait", self.locks.wrap_acquire_nowait)
        if "Semaphore" in kinds:
            hooks.wrap(module.Semaphore, "release", signals.signalling_of_user)
            hooks.wrap(module.Semaphore, "acquire", signals.joining_async)
            hooks.wrap(module.Semaphore, "acquire_nowait", signals.joining())
        if "Condition" in kinds:
            for name in ("notify", "notify_all"):
                hooks.wrap(module.Condition, name, signals.signalling_of_user)
            for name in ("acquire", "wait", "__aenter__"):
                hooks.wrap(module.Condition, name, signals.joining_async)

    # -- anyio's streams ---------------------------------------------------------------------

    def _watch_streams(self, module: Any, hooks: Hooks) -> None:
        sends, receives = module.MemoryObjectSendStream, module.MemoryObjectReceiveStream
        self._waiting = {sends.send.__code__, receives.receive.__code__}
        hooks.wrap(sends, "send", self._wrap_send)
        hooks.wrap(sends, "send_nowait", self._wrap_send_nowait)
        hooks.wrap(receives, "receive", self._wrap_receive)
        hooks.wrap(receives, "receive_nowait", self._wrap_receive_nowait)

    def _is_part_of_waiting(self, frame: FrameType | None) -> bool:
        """Whether the waiting method tries the other one first."""
        return frame is not None and frame.f_code in self._waiting

    def _wrap_send(self, original: Any) -> Any:
        recorder, signals = self.recorder, self.signals

        async def send(self_: Any, item: Any) -> Any:
            recorder.shielded(signals.put, self_._state, item, None)
            try:
                return await original(self_, item)
            except BaseException:
                recorder.shielded(signals.withdraw, self_._state, item)
                raise

        return send

    def _wrap_send_nowait(self, original: Any) -> Any:
        recorder, signals = self.recorder, self.signals

        def send_nowait(self_: Any, item: Any) -> Any:
            result = original(self_, item)
            if not self._is_part_of_waiting(sys._getframe().f_back):
                recorder.shielded(signals.put, self_._state, item, None)
            return result

        return send_nowait

    def _wrap_receive(self, original: Any) -> Any:
        recorder, signals = self.recorder, self.signals

        async def receive(self_: Any) -> Any:
            item = await original(self_)
            recorder.shielded(signals.got, self_._state, item)
            return item

        return receive

    def _wrap_receive_nowait(self, original: Any) -> Any:
        recorder, signals = self.recorder, self.signals

        def receive_nowait(self_: Any) -> Any:
            item = original(self_)
            if not self._is_part_of_waiting(sys._getframe().f_back):
                recorder.shielded(signals.got, self_._state, item)
            return item

        return receive_nowait

    # -- janus -------------------------------------------------------------------------------

    def _watch_janus(self, module: Any, hooks: Hooks) -> None:
        """Both sides put and get through the same two methods, each in its own strand."""
        signals = self.signals
        hooks.wrap(module.Queue, "_put_internal", signals.putting)
        for kind in (module.Queue, module.PriorityQueue, module.LifoQueue):
            hooks.wrap(kind, "_get", signals.getting)
        for side in (module._SyncQueueProxy, module._AsyncQueueProxy):
            hooks.wrap(side, "task_done", self._wrap_task_done)
            hooks.wrap(side, "join", self._wrap_join)

    def _wrap_task_done(self, original: Any) -> Any:
        recorder, signals = self.recorder, self.signals

        def task_done(self_: Any) -> Any:
            recorder.shielded(signals.signal, self_._parent)
            return original(self_)

        return task_done

    def _wrap_join(self, original: Any) -> Any:
        recorder, signals = self.recorder, self.signals

        def join(self_: Any) -> Any:
            waiting = original(self_)
            if waiting is None:
                recorder.shielded(signals.join, self_._parent)
            return waiting if waiting is None else joined(waiting, self_._parent)

        async def joined(waiting: Any, queue: Any) -> None:
            await waiting
            recorder.shielded(signals.join, queue)

        return join

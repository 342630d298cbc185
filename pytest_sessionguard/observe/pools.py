"""Observes the thread pools of async libraries: anyio's, trio's and gevent's.

Each item of the pool is a strand of its own, ordered after whoever awaits it and before whoever
gets its result. anyio's asyncio pool hands results over by ``call_soon_threadsafe``, which is
ordered already; trio's way has no hook, so the result joins here; gevent's wakes its hub from
another thread, so the end of an item is ordered before whatever its parent does next.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from pytest_sessionguard.observe.hooks import Hooks
from pytest_sessionguard.observe.recorder import Recorder
from pytest_sessionguard.observe.strand import Strand
from pytest_sessionguard.observe.threads import Threads


class Pools:
    """The hooks on ``run_sync`` of the two libraries, and on anyio's task group."""

    def __init__(self, recorder: Recorder, threads: Threads) -> None:
        self.recorder = recorder
        self.threads = threads

    def watchers(self) -> dict[str, Callable[[Any, Hooks], None]]:
        """Module name -> what to wrap once it has been imported."""
        return {
            "anyio._backends._asyncio": self._watch_anyio,
            "gevent.threadpool": lambda module, hooks: hooks.wrap(
                module.ThreadPool, "spawn", self._wrap_gevent
            ),
            "trio": self._watch_trio,
            "anyio._backends._trio": self._watch_anyio_trio,
        }

    def _watch_trio(self, module: Any, hooks: Hooks) -> None:
        hooks.wrap(module.to_thread, "run_sync", self._wrap_trio)
        hooks.wrap(module, "run", self._wrap_trio_run)

    def _watch_anyio_trio(self, module: Any, hooks: Hooks) -> None:
        hooks.wrap(module.TrioBackend, "run_sync_in_worker_thread", self._wrap_anyio_trio)

    def _wrap_trio_run(self, original: Any) -> Any:
        recorder = self.recorder

        def run(*args: Any, **kwargs: Any) -> Any:
            recorder.shielded(recorder.strands.order_as_it_comes)
            return original(*args, **kwargs)

        return run

    def _wrap_anyio_trio(self, original: Any) -> Any:
        recorder = self.recorder

        async def run_sync_in_worker_thread(cls: Any, func: Any, *args: Any, **kwargs: Any) -> Any:
            item = recorder.shielded(self._item, func, args, sys._getframe())
            try:
                return await original(cls, item or func, *args, **kwargs)
            finally:
                recorder.shielded(self._joined, item)

        return run_sync_in_worker_thread

    def _watch_anyio(self, module: Any, hooks: Hooks) -> None:
        hooks.wrap(module.AsyncIOBackend, "run_sync_in_worker_thread", self._wrap_anyio)
        hooks.wrap(module.TaskGroup, "__aexit__", self.threads.signals.leaving_group)

    def _wrap_anyio(self, original: Any) -> Any:
        recorder = self.recorder

        async def run_sync_in_worker_thread(cls: Any, func: Any, *args: Any, **kwargs: Any) -> Any:
            item = recorder.shielded(self._item, func, args, sys._getframe()) or func
            return await original(cls, item, *args, **kwargs)

        return run_sync_in_worker_thread

    def _wrap_gevent(self, original: Any) -> Any:
        recorder = self.recorder

        def spawn(self_: Any, func: Any, *args: Any, **kwargs: Any) -> Any:
            item = recorder.shielded(self._item, func, args, sys._getframe())
            if item is not None:
                item.orders_parent = True
                item.strand.pooled = (
                    True  # its hub is another: no greenlet of ours can let it go on
                )
            return original(self_, item or func, *args, **kwargs)

        return spawn

    def _wrap_trio(self, original: Any) -> Any:
        recorder = self.recorder

        async def run_sync(func: Any, *args: Any, **kwargs: Any) -> Any:
            item = recorder.shielded(self._item, func, args, sys._getframe())
            try:
                return await original(item or func, *args, **kwargs)
            finally:
                recorder.shielded(self._joined, item)

        return run_sync

    def _item(self, func: Any, args: Any, frame: Any) -> Item:
        name = getattr(func, "__qualname__", type(func).__name__)
        return Item(func, self.threads.job(f"job {name}", frame, [func, args]), self.threads)

    def _joined(self, item: Item | None) -> None:
        if item is not None:
            self.recorder.strands.current().clock.join(item.strand.clock.export())


class Item:
    """A function given to a pool, run as a strand of its own.

    ``orders_parent``: its end is before whatever the strand does next that gave it.
    """

    def __init__(self, function: Callable[..., Any], strand: Strand, threads: Threads) -> None:
        self.strand = strand
        self.orders_parent = False
        self._function = function
        self._threads = threads
        self.__name__ = getattr(function, "__name__", type(function).__name__)
        self.__qualname__ = getattr(function, "__qualname__", self.__name__)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        recorder = self._threads.recorder
        place = recorder.shielded(self._threads.begin_job, self.strand)
        try:
            return self._function(*args, **kwargs)
        finally:
            recorder.shielded(self._end, place)

    def _end(self, place: Any) -> None:
        self._threads.end_job(self.strand, place)
        if self.orders_parent and self.strand.parent is not None:
            self.strand.parent.clock.join(self.strand.clock.export())

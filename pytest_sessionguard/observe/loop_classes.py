"""Stand-ins for asyncio's Handle, Task and Future, which say what orders them.

A loop makes them through ``asyncio.events`` and ``asyncio.tasks``; ``tasks.py`` puts these there.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from pytest_sessionguard.clocks import Snapshot
from pytest_sessionguard.observe.recorder import Recorder
from pytest_sessionguard.observe.signals import Signals
from pytest_sessionguard.observe.standins import named_like, standing_for
from pytest_sessionguard.observe.strand import Strand
from pytest_sessionguard.observe.strands import Strands

PLAIN_TASK = asyncio.Task

Making = tuple[Snapshot | None, Strand | None]
"""What the maker of a handle had done, and who it was, if the handle runs in turn."""


class Loops(Protocol):
    """What the stand-ins tell, and whom."""

    recorder: Recorder
    strands: Strands

    def made(self, in_turn: bool) -> Making | None:
        """A handle was made."""

    def wakes(self, task: Any, making: Making) -> None:
        """A handle lets a task run."""

    def ended(self, task: Any) -> None:
        """A task has run to its end."""

    def ran(self, handle: Any) -> None:
        """A callback has run."""

    def begun(self, task: Any, coroutine: Any, loop: Any) -> None:
        """A task was made, for ``loop`` or else for the one that runs."""

    def joined(self, task: Any) -> None:
        """Somebody learned that ``task`` has ended."""


def handle_class(original: Any, tasks: Loops) -> Any:
    """A Handle (or TimerHandle) that remembers what its making is ordered after."""
    recorder, local, in_turn = tasks.recorder, tasks.strands.local, original.__name__ == "Handle"
    init, run = original.__init__, original._run
    made, wakes = tasks.made, tasks.wakes  # called for each handle, so without ``shielded``

    class Handle(original, metaclass=standing_for(original)):  # type: ignore
        __slots__ = ("_sessionguard", "_sessionguard_strand")

        _sessionguard: Making | None
        _sessionguard_strand: Strand | None

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            init(self, *args, **kwargs)
            self._sessionguard = self._sessionguard_strand = None
            if recorder.active:
                try:
                    self._sessionguard = made(in_turn)
                except Exception as error:
                    recorder.fault(error)

        def _run(self) -> None:
            task, making = getattr(self._callback, "__self__", None), self._sessionguard
            if isinstance(task, PLAIN_TASK):
                if making is not None and recorder.active:
                    try:
                        wakes(task, making)
                    except Exception as error:
                        recorder.fault(error)
                try:
                    run(self)
                finally:
                    if PLAIN_TASK.done(task):
                        recorder.shielded(tasks.ended, task)
                return
            before, local.handle = local.handle, self
            try:
                run(self)
            finally:
                local.handle = before
                if self._sessionguard_strand is not None:
                    recorder.shielded(tasks.ran, self)
                elif making is not None and making[0] is not None:
                    local.passing = making[0]

    return named_like(Handle, original)


def task_class(original: Any, tasks: Loops) -> Any:
    """A Task that orders whoever learns of its end after it."""
    recorder = tasks.recorder

    class Task(original, metaclass=standing_for(original)):  # type: ignore
        def __init__(self, coro: Any, **kwargs: Any) -> None:
            recorder.shielded(tasks.begun, self, coro, kwargs.get("loop"))
            super().__init__(coro, **kwargs)

        def _sessionguard_join(self) -> None:
            if PLAIN_TASK.done(self):
                recorder.shielded(tasks.joined, self)

        def __await__(self) -> Any:
            self._sessionguard_join()
            return super().__await__()

        __iter__ = __await__

        def done(self) -> bool:
            self._sessionguard_join()
            return bool(PLAIN_TASK.done(self))

        def result(self) -> Any:
            self._sessionguard_join()
            return super().result()

        def exception(self) -> Any:
            self._sessionguard_join()
            return super().exception()

        def add_done_callback(self, *args: Any, **kwargs: Any) -> None:
            self._sessionguard_join()
            super().add_done_callback(*args, **kwargs)

    return named_like(Task, original)


def future_class(signals: Signals) -> Any:
    """A Future that orders whoever learns of its result after whoever set it."""
    recorder = signals.recorder

    class Future(asyncio.Future):  # type: ignore[type-arg]
        def set_result(self, result: Any) -> None:
            recorder.shielded(signals.signal, self)
            super().set_result(result)

        def set_exception(self, exception: Any) -> None:
            recorder.shielded(signals.signal, self)
            super().set_exception(exception)

        def __await__(self) -> Any:
            if super().done():
                recorder.shielded(signals.join, self)
            return super().__await__()

        __iter__ = __await__

        def done(self) -> bool:
            done = super().done()
            if done:
                recorder.shielded(signals.join, self)
            return done

        def result(self) -> Any:
            recorder.shielded(signals.join, self)
            return super().result()

    return named_like(Future, asyncio.Future)

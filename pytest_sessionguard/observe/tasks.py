"""Observes asyncio: which task or callback runs, and what orders it.

The making of a handle orders its run: that covers tasks, futures, ``call_soon_threadsafe`` and
portals. Where nothing wakes up (awaiting a task that has already ended, taking an item that is
already in the queue) there is no handle, so those places join what had been passed on.

Handles and tasks are made by the loop through ``asyncio.events`` and ``asyncio.tasks``; subclasses
stand there while the guard watches. A loop written in C (uvloop) makes its own: its tasks are
then ordered one after the other, and only overlapping use is found on it.
"""

from __future__ import annotations

import asyncio
import asyncio.base_events
import sys
import warnings
import weakref
from types import FrameType
from typing import Any

from pytest_sessionguard.clocks import Clock, Snapshot
from pytest_sessionguard.events import Site
from pytest_sessionguard.observe import reach, sqla
from pytest_sessionguard.observe.hooks import Hooks
from pytest_sessionguard.observe.loop_classes import (
    Making,
    future_class,
    handle_class,
    task_class,
)
from pytest_sessionguard.observe.recorder import Recorder
from pytest_sessionguard.observe.signals import Signals
from pytest_sessionguard.observe.strand import Strand
from pytest_sessionguard.observe.strands import in_worker
from pytest_sessionguard.observe.unawaited import ORIGIN_DEPTH, never_awaited


def _task_of() -> Any:
    """``asyncio.current_task``, which is written in Python until 3.12: the dictionary it asks."""
    if sys.version_info >= (3, 12):
        return asyncio.current_task
    return vars(asyncio.tasks)["_current_tasks"].get


def _locals_of(task: Any) -> list[Any]:
    coroutine = task.get_coro() if task is not None else None
    return reach.coroutine_locals(coroutine) if coroutine is not None else []


def _is_drivers(recorder: Recorder, maker: FrameType) -> bool:
    """Whether a driver makes a future for itself, while workers take turns: nothing hangs on it.

    Its callbacks run for whoever has opened the connection, at a time of the server's choice.
    """
    return recorder.scheduler is not None and sqla.is_awaited(maker)


class Tasks:
    """The hooks on asyncio."""

    def __init__(self, recorder: Recorder, signals: Signals) -> None:
        self.recorder = recorder
        self.signals = signals
        self.strands = recorder.strands
        self._strands_of = recorder.strands.tasks.known
        self._ended: weakref.WeakKeyDictionary[Any, Clock] = weakref.WeakKeyDictionary()

    def install(self, hooks: Hooks) -> None:
        """Put the subclasses in place and wrap what joins."""
        self.strands.running_loop = asyncio._get_running_loop
        self.strands.task_of = _task_of()
        self.strands.begin_callback = self._begin_callback
        for name in ("Handle", "TimerHandle"):
            handle = handle_class(getattr(asyncio.events, name), self)
            for module in (asyncio.events, asyncio):
                hooks.replace(module, name, handle)
        task = task_class(asyncio.tasks.Task, self)
        for module in (asyncio.tasks, asyncio):
            hooks.replace(module, "Task", task)
        loop = asyncio.base_events.BaseEventLoop
        hooks.wrap(loop, "run_forever", self._wrap_run_forever)
        hooks.wrap(loop, "create_future", self._wrap_create_future)
        hooks.wrap(warnings, "_warn_unawaited_coroutine", lambda _: never_awaited)
        hooks.wrap(asyncio.TaskGroup, "__aexit__", self.signals.leaving_group)
        self._install_signals(hooks)

    def _install_signals(self, hooks: Hooks) -> None:
        signals = self.signals
        hooks.wrap(asyncio.Event, "set", signals.signalling)
        hooks.wrap(asyncio.Event, "is_set", signals.joining(signals.join_if))
        hooks.wrap(asyncio.Event, "wait", signals.joining_async)
        hooks.wrap(asyncio.Queue, "put_nowait", signals.putting)
        hooks.wrap(asyncio.Queue, "get_nowait", signals.getting)
        hooks.wrap(asyncio.Queue, "task_done", signals.signalling)
        hooks.wrap(asyncio.Queue, "join", signals.joining_async)
        hooks.wrap(asyncio.Semaphore, "release", signals.signalling_of_user)
        hooks.wrap(asyncio.Semaphore, "acquire", signals.joining_async)
        hooks.wrap(asyncio.Condition, "notify", signals.signalling_of_user)
        hooks.wrap(asyncio.Condition, "wait", signals.joining_async)
        hooks.wrap(asyncio.Condition, "wait_for", signals.joining_async)
        enter = signals.joining_async(asyncio.Condition.__aenter__)  # inherited, so not wrapped
        hooks.replace(asyncio.Condition, "__aenter__", enter)
        hooks.wrap(asyncio.Barrier, "wait", signals.meeting_async)

    def _wrap_create_future(self, original: Any) -> Any:
        recorder = self.recorder
        future_of_ours = future_class(self.signals)

        def create_future(self: Any) -> Any:
            if not recorder.active or _is_drivers(recorder, sys._getframe(1)):
                return original(self)
            return future_of_ours(loop=self)

        return create_future

    # -- handles ---------------------------------------------------------------------------

    def made(self, in_turn: bool) -> Making | None:
        """What the run of a handle that is made now is ordered after, and who made it.

        ``in_turn``: no timer's. A loop runs what was queued in turn, so this will be after the
        callbacks that the same strand had queued before. Inside a session operation the driver's
        own waits pass nothing on: its thread or its socket serves every session. The first step of
        a task is always its maker's doing.
        """
        strand = self.strands.current()
        if strand.internal or strand.operations or self.strands.local.unordered:
            return None
        return strand.clock.export(), strand if in_turn else None

    def wakes(self, task: Any, making: Making) -> None:
        """A handle lets a task run."""
        snapshot, maker = making
        if snapshot is not None or (maker is not None and maker.queued is not None):
            known = self._strands_of.get(id(task))
            if known is not None:
                _order(known.value.job or known.value, making)

    def ended(self, task: Any) -> None:
        """A task has run to its end."""
        strand = self.strands.of_task(task)
        if strand is not None and not strand.ended:
            self.recorder.end_strand(strand)
            self._note_ended(task.get_loop(), strand)

    def _begin_callback(self, handle: Any) -> Strand:
        """Somebody asks who runs, and it is the callback of this handle."""
        strand = self.strands.callback(handle._context.get(in_worker))
        if handle._sessionguard is not None:
            _order(strand, handle._sessionguard)
        strand.clock.join(self.strands.local.loop_began)
        handle._sessionguard_strand = strand
        return strand

    def ran(self, handle: Any) -> None:
        """A callback has run, as a strand: what it knew is passed on to whoever runs the loop."""
        local, callback = self.strands.local, handle._sessionguard_strand
        local.passing = callback.clock.export() or local.passing
        if callback.clock.tick:
            self._note_run(callback, handle._sessionguard)

    def _note_run(self, callback: Strand, making: Making | None) -> None:
        """A callback worked with a session: the next in turn is after it, and so is the loop's end."""
        self._note_ended(asyncio._get_running_loop(), callback)
        maker = making[1] if making is not None else None
        if maker is not None:
            if maker.queued is None:
                maker.queued = Clock(self.recorder.next_token(), self.recorder.epoch)
            maker.queued.join(callback.clock.export())

    # -- tasks -----------------------------------------------------------------------------

    def begun(self, task: Any, coroutine: Any, loop: Any) -> None:
        """A task was made, for ``loop`` or else for the one that runs.

        uvloop takes our class of tasks, if it is imported after the guard, but makes its own handles.
        """
        frame = sys._getframe(1)
        frames = self.recorder.frames
        spawned = frames.stack(frame)
        leaving = frames.leaving(frame) if spawned else None
        running = asyncio._get_running_loop()
        if not isinstance(running if loop is None else loop, asyncio.BaseEventLoop):
            self.strands.order_as_it_comes()
        driven = running is None
        origin = None if driven else self._origin(coroutine)
        if origin is not None:
            spawned = (origin, *(site for site in spawned if site != origin))
        label = f"task {getattr(coroutine, '__qualname__', '')}".strip()
        own_work = not driven and frames.spawned_by_user(frame)
        strand = self.strands.spawn("task", label, spawned, own_work)
        strand.leaving = leaving
        self._order_after_maker(strand)
        weak = weakref.ref(task)
        strand.reach = lambda: _locals_of(weak())
        self.strands.begin_task(task, strand)

    def _order_after_maker(self, strand: Strand) -> None:
        """A task that a listener inside a session operation makes is the user's all the same."""
        parent = strand.parent
        if strand.internal and parent is not None and not parent.internal:
            strand.internal = False
            strand.clock.join(parent.clock.export())
            strand.started = strand.clock.seen

    def _origin(self, coroutine: Any) -> Site | None:
        """The line that called the coroutine function: where its arguments were bound."""
        roles = self.recorder.frames.roles
        for filename, line, function in getattr(coroutine, "cr_origin", None) or ():
            if roles[filename] in ("app", "test"):
                return self.recorder.frames.site_of(filename, line, function)
        return None

    def joined(self, task: Any) -> None:
        """Somebody learned that ``task`` has ended."""
        strand = self.strands.of_task(task)
        done = strand.clock.export() if strand is not None else None
        if done is not None:
            self.strands.current().clock.join(done)

    # -- joins without a wake-up -----------------------------------------------------------

    def _wrap_run_forever(self, original: Any) -> Any:
        recorder, enter, leave = self.recorder, self._loop_begins, self._loop_ends

        def run_forever(self: Any, *args: Any) -> Any:
            before = recorder.shielded(enter, self)
            try:
                return original(self, *args)
            finally:
                leave(before, self)

        return run_forever

    def _loop_begins(self, loop: Any) -> tuple[Strand, int, Snapshot | None]:
        """What its caller did until now is before whatever runs in the loop from now on."""
        strand, local = self.strands.current(), self.strands.local
        depth = sys.get_coroutine_origin_tracking_depth()
        sys.set_coroutine_origin_tracking_depth(max(depth, ORIGIN_DEPTH))
        before, local.loop_began = local.loop_began, strand.clock.export()
        for other in self._living(loop):
            other.clock.join(local.loop_began)
        return strand, depth, before

    def _loop_ends(self, before: tuple[Strand, int, Snapshot | None] | None, loop: Any) -> None:
        """The loop stands still: whatever ran in it is before what its caller does next."""
        if before is None:
            return
        strand, depth, self.strands.local.loop_began = before
        sys.set_coroutine_origin_tracking_depth(depth)
        strand.clock.join(self.strands.local.passing)
        ended = self._ended.get(loop)
        if ended is not None:
            strand.clock.join(ended.export())
        for other in self._living(loop):
            strand.clock.join(other.clock.export())
        self.strands.local.passing = None

    def _living(self, loop: Any) -> list[Strand]:
        """The tasks of a loop that have begun and not ended."""
        living = self.strands.living_tasks()
        return [strand for task, strand in living if task.get_loop() is loop]

    def _note_ended(self, loop: Any, strand: Strand) -> None:
        """A task has ended: what it did is before what comes after the loop."""
        ended = self._ended.get(loop)
        if ended is None:
            ended = self._ended[loop] = Clock(self.recorder.next_token(), self.recorder.epoch)
        ended.join(strand.clock.export())


def _order(strand: Strand, making: Making) -> None:
    """``strand`` is after whoever made its handle, and after what that one had queued before."""
    snapshot, maker = making
    strand.clock.join(snapshot)
    if maker is not None and maker.queued is not None:
        strand.clock.join(maker.queued.export())

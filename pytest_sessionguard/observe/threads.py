"""Observes threads and executors: which job runs, and what orders it.

Start and join, submit and result, events, barriers and queue items order. Locks and conditions
of the standard library and of installed packages do not: a connection pool's mutex would order
requests that have nothing to do with each other. What a driver does inside a session operation
orders nothing either.
"""

from __future__ import annotations

import concurrent.futures
import concurrent.futures._base
import concurrent.futures.thread
import functools
import inspect
import queue
import sys
import threading
import weakref
from collections.abc import Sequence
from types import FrameType, FunctionType
from typing import Any

from pytest_sessionguard.observe.blocking import Wanted
from pytest_sessionguard.observe.hooks import Hooks
from pytest_sessionguard.observe.recorder import Recorder, made_at
from pytest_sessionguard.observe.signals import Signals, simple_queue_class
from pytest_sessionguard.observe.strand import Strand
from pytest_sessionguard.observe.waits import JOB

_STRAND = "_sessionguard"
_LOCK = "_sessionguard_lock"
_JOBS = "_sessionguard_jobs"
_ASYNCIO = "/asyncio/"


class Threads:
    """The hooks on threading, queue and concurrent.futures."""

    def __init__(self, recorder: Recorder, signals: Signals) -> None:
        self.recorder = recorder
        self.signals = signals
        self.strands = recorder.strands

    def install(self, hooks: Hooks) -> None:
        """Wrap what starts, joins and hands over."""
        thread = threading.Thread
        hooks.wrap(thread, "__init__", self._wrap_thread_init)
        hooks.wrap(thread, "start", self._wrap_start)
        hooks.wrap(thread, "_bootstrap_inner", self._wrap_bootstrap)
        hooks.wrap(thread, "join", self.signals.asking(self._join_thread))
        hooks.wrap(thread, "join", self._wrap_join)
        hooks.wrap(thread, "is_alive", self.signals.asking(self._join_if_dead))
        hooks.wrap(concurrent.futures.thread._WorkItem, "__init__", self._wrap_item_init)
        hooks.wrap(concurrent.futures.thread._WorkItem, "run", self._wrap_item_run)
        hooks.wrap(concurrent.futures.ThreadPoolExecutor, "shutdown", self._wrap_shutdown)
        self._install_futures(hooks)
        self._install_signals(hooks)
        self._install_queues(hooks)

    def _install_futures(self, hooks: Hooks) -> None:
        future, signals = concurrent.futures.Future, self.signals
        for name in ("set_result", "set_exception"):
            hooks.wrap(future, name, signals.signalling)
        for name in ("result", "exception"):
            hooks.wrap(future, name, signals.joining())
            hooks.wrap(future, name, self._wrap_result)
        hooks.wrap(future, "done", signals.joining(signals.join_if))
        hooks.wrap(future, "add_done_callback", signals.calling_back)
        for module in (concurrent.futures._base, concurrent.futures):
            hooks.wrap(module, "wait", self._wrap_wait)
            hooks.wrap(module, "as_completed", self._wrap_as_completed)

    def _install_signals(self, hooks: Hooks) -> None:
        event, condition, signals = threading.Event, threading.Condition, self.signals
        hooks.wrap(event, "set", signals.signalling)
        for name in ("wait", "is_set"):
            hooks.wrap(event, name, signals.joining(signals.join_if))
        hooks.wrap(threading.Barrier, "wait", signals.meeting)
        hooks.wrap(threading.Semaphore, "release", signals.signalling_of_user)
        hooks.wrap(threading.Semaphore, "acquire", signals.joining(signals.join_if))
        hooks.wrap(threading.Semaphore, "__enter__", signals.joining())
        hooks.wrap(condition, "notify", signals.signalling_of_user)
        for name in ("wait", "wait_for", "__enter__"):
            hooks.wrap(condition, name, signals.joining())

    def _install_queues(self, hooks: Hooks) -> None:
        plain, signals = queue.Queue, self.signals
        hooks.wrap(plain, "put", signals.putting)
        hooks.wrap(plain, "get", signals.getting)
        hooks.wrap(plain, "task_done", signals.signalling)
        hooks.wrap(plain, "join", signals.joining())
        hooks.replace(queue, "SimpleQueue", simple_queue_class(queue.SimpleQueue, signals))

    # -- threads ---------------------------------------------------------------------------

    def _wrap_thread_init(self, original: Any) -> Any:
        recorder = self.recorder

        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            self.__dict__[_STRAND] = recorder.shielded(made_at, recorder, sys._getframe(), self)

        return __init__

    def _wrap_start(self, original: Any) -> Any:
        recorder, starting = self.recorder, self._starting

        def start(self: Any) -> Any:
            recorder.shielded(starting, self, sys._getframe())
            return original(self)

        return start

    def _starting(self, thread: Any, frame: FrameType) -> None:
        made = thread.__dict__.get(_STRAND)
        if isinstance(made, Strand):
            return  # a worker of ours, which was given one
        spawned = made if isinstance(made, tuple) and made else self.recorder.frames.stack(frame)
        by_user = self.recorder.frames.spawned_by_user(frame)
        strand = self.strands.spawn("thread", f"thread {_target_name(thread)}", spawned, by_user)
        weak = weakref.ref(thread)
        strand.reach = lambda: _thread_things(weak())
        strand.pooled = _module_of_target(thread) == "multiprocessing.pool"
        thread.__dict__[_STRAND] = strand

        if self.recorder.scheduler is not None and self._is_users(thread):
            self._take_turns(thread, strand)

    def _is_users(self, thread: Any) -> bool:
        """Whether the user's code is what a thread runs, and not a library's pool of threads."""
        target = getattr(thread, "_target", None) or type(thread).run
        code = getattr(inspect.unwrap(getattr(target, "func", target)), "__code__", None)
        return code is not None and self.recorder.frames.roles[code.co_filename] in ("app", "test")

    def _take_turns(self, thread: Any, strand: Strand) -> None:
        scheduler = self.recorder.scheduler
        if scheduler is not None and scheduler.spawned(strand):
            thread.run = functools.partial(scheduler.run, strand, thread.run)

    def _wrap_join(self, original: Any) -> Any:
        recorder = self.recorder

        def join(self: Any, timeout: float | None = None) -> Any:
            strand = self.__dict__.get(_STRAND)
            if recorder.scheduler is not None and isinstance(strand, Strand) and not strand.ended:
                recorder.shielded(recorder.scheduler.joining, strand)
            return original(self, timeout)

        return join

    def _wrap_bootstrap(self, original: Any) -> Any:
        recorder, strands = self.recorder, self.strands

        def _bootstrap_inner(self: Any) -> Any:
            strand = self.__dict__.get(_STRAND)
            if not isinstance(strand, Strand):
                return original(self)
            recorder.shielded(strands.begin_thread, strand)
            try:
                return original(self)
            finally:
                recorder.shielded(recorder.end_strand, strand)

        return _bootstrap_inner

    def _join_thread(self, thread: Any, result: Any) -> None:
        self._join_if_dead(thread, _is_alive(thread))

    def _join_if_dead(self, thread: Any, alive: Any) -> None:
        strand = thread.__dict__.get(_STRAND)
        if isinstance(strand, Strand) and not alive and not strand.internal:
            clock = self.strands.current().clock
            clock.join(strand.clock.export())
            clock.join(strand.jobs.export())

    # -- jobs ------------------------------------------------------------------------------

    def job(self, label: str, frame: FrameType, things: list[Any]) -> Strand:
        """A strand for one job that the current strand gives to a pool."""
        frames = self.recorder.frames
        spawned = frames.stack(frame)
        strand = self.strands.spawn("job", label, spawned, frames.spawned_by_user(frame))
        strand.reach = lambda: things
        return strand

    def begin_job(self, strand: Strand) -> tuple[Strand, Strand | None]:
        """A pool thread takes up a job; returns what ``end_job`` needs."""
        base = self.strands.base()
        before, base.job = base.job, strand
        if strand.serial:
            strand.clock.join(base.jobs.export())
        return base, before

    def end_job(self, strand: Strand, place: tuple[Strand, Strand | None] | None) -> None:
        """The job is done: the thread goes on with the job's past, and forgets earlier jobs'."""
        if place is None:
            return
        base, base.job = place[0], place[1]
        snapshot = strand.clock.export()
        base.jobs.join(snapshot)
        base.clock.replace(snapshot)
        strand.locks.clear()
        self.recorder.end_strand(strand)

    def _wrap_item_init(self, original: Any) -> Any:
        recorder, make = self.recorder, self._make_item_strand

        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            self._sessionguard = recorder.shielded(make, self, sys._getframe())

        return __init__

    def _make_item_strand(self, item: Any, frame: FrameType) -> Strand:
        things = [value for name, value in vars(item).items() if name != "future"]
        if "task" in vars(item):  # Python 3.14 keeps function and arguments in one tuple
            things = [item.task]
        item.future.__dict__[JOB] = True
        strand = self.job(f"job {_name(getattr(item, 'fn', None))}", frame, things)
        executor = _executor(frame)
        strand.serial = getattr(executor, "_max_workers", 0) == 1
        if strand.serial and strand.worker.kind in ("request", "context"):
            # What requests send to one thread is as if they held a lock while it runs.
            lock = vars(executor).setdefault(_LOCK, self.recorder.next_token())
            strand.locks.append(lock)
        if self.recorder.scheduler is not None and frame.f_back is not None:
            self._take_turns_in_pool(item, strand, executor, frame.f_back)
        return strand

    def _take_turns_in_pool(self, item: Any, strand: Strand, executor: Any, submit: Any) -> None:
        """A job of the user's takes turns; one for which its task waits at once goes on for that."""
        if not strand.own_work or _is_awaited_at_once(submit.f_back):
            return
        jobs = vars(executor).setdefault(_JOBS, [])
        before, most = [each for each in jobs if not each.ended], executor._max_workers
        scheduler = self.recorder.scheduler
        if scheduler is not None and scheduler.spawned(strand, lambda: _ran(before, most)):
            jobs[:] = [*before, strand]
            item.future.__dict__[_STRAND] = item._sessionguard_runs = strand

    def _wrap_item_run(self, original: Any) -> Any:
        recorder, begin, end = self.recorder, self.begin_job, self.end_job

        def run(self: Any, *args: Any, **kwargs: Any) -> Any:
            strand = getattr(self, _STRAND, None)
            if strand is None:
                return original(self, *args, **kwargs)
            place = recorder.shielded(begin, strand)
            try:
                if recorder.scheduler is not None and hasattr(self, "_sessionguard_runs"):
                    return recorder.scheduler.run(strand, lambda: original(self, *args, **kwargs))
                return original(self, *args, **kwargs)
            finally:
                recorder.shielded(end, strand, place)

        return run

    def _wrap_result(self, original: Any) -> Any:
        recorder = self.recorder

        def result(self: Any, timeout: float | None = None) -> Any:
            strand = self.__dict__.get(_STRAND)
            if recorder.scheduler is not None and strand is not None and not strand.ended:
                recorder.shielded(recorder.scheduler.joining, strand)
            return original(self, timeout)

        return result

    def _wrap_shutdown(self, original: Any) -> Any:
        recorder = self.recorder

        def shutdown(self: Any, wait: bool = True, *, cancel_futures: bool = False) -> None:
            for strand in vars(self).get(_JOBS, ()) if wait and not cancel_futures else ():
                if recorder.scheduler is not None and not strand.ended:
                    recorder.scheduler.wait(all_ended((strand,)))
            original(self, wait, cancel_futures=cancel_futures)

        return shutdown

    def _wrap_as_completed(self, original: Any) -> Any:
        recorder, join = self.recorder, self.signals.join

        def as_completed(*args: Any, **kwargs: Any) -> Any:
            for future in original(*args, **kwargs):
                recorder.shielded(join, future)
                yield future

        return as_completed

    def _wrap_wait(self, original: Any) -> Any:
        recorder, join = self.recorder, self.signals.join

        def wait(fs: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(fs, *args, **kwargs)
            for future in result.done:
                recorder.shielded(join, future)
            return result

        return wait


def _ran(before: list[Strand], most: int) -> bool:
    """Whether a pool of ``most`` threads has one free after it was given these jobs."""
    return sum(not each.ended for each in before) < most


def all_ended(strands: Sequence[Strand]) -> Wanted:
    """What somebody wants who waits for strands to end."""
    return Wanted("end", "the end of a thread", lambda: all(each.ended for each in strands))


def _is_awaited_at_once(caller: FrameType | None) -> bool:
    """Whether asyncio itself sends a job to a pool: ``to_thread``, and what loops do for a task.

    Of the user's own ``run_in_executor`` it is not known what the task does meanwhile.
    """
    if caller is None or _ASYNCIO not in caller.f_code.co_filename:
        return caller is None
    outer = caller.f_back
    return outer is None or _ASYNCIO in outer.f_code.co_filename


def _executor(item_init: FrameType) -> Any:
    """The executor that makes this item; one with one thread runs its jobs one by one."""
    submit = item_init.f_back
    return submit.f_locals.get("self") if submit is not None else None


def _is_alive(thread: Any) -> bool:
    strand = thread.__dict__.get(_STRAND)
    return not (isinstance(strand, Strand) and strand.ended)


def _name(function: Any) -> str:
    return getattr(function, "__qualname__", type(function).__name__)


def _target_name(thread: Any) -> str:
    target = getattr(thread, "_target", None)
    return _name(target) if target is not None else thread.name


def _module_of_target(thread: Any) -> Any:
    target = getattr(thread, "_target", None)
    return target.__module__ if isinstance(target, FunctionType) else None


def _thread_things(thread: Any) -> list[Any]:
    """What a thread was started with; a subclass keeps its own things in attributes."""
    if thread is None:
        return []
    given = [getattr(thread, name, None) for name in ("_target", "_args", "_kwargs")]
    return given + [value for name, value in vars(thread).items() if name not in _PLAIN_THREAD]


_PLAIN_THREAD = {*vars(threading.Thread(target=print)), _STRAND}

"""Who is running: the current strand and the current worker.

A strand is an asyncio task, one loop callback, one job of an executor, one item of anyio's pool,
a gevent greenlet, and only otherwise a bare thread: the identity of a pool thread would order
requests that have nothing to do with each other.

A worker is whose unit of work it is: a nested context, else the request, else the thread, task,
greenlet or job that was started, else the test. A request travels in a context variable, so it
follows the work through thread pools, portals and child tasks.
"""

from __future__ import annotations

import _thread
import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from pytest_sessionguard.clocks import Clock, Epoch, Snapshot
from pytest_sessionguard.events import Site, Stack
from pytest_sessionguard.observe.identity import ByIdentity
from pytest_sessionguard.observe.strand import Binding, Strand, Worker, held_locks


def native_local() -> Any:
    """The interpreter's thread-local class, also when gevent patched before we were imported."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey.get_original("_thread", "_local") if monkey is not None else _thread._local


# Taken before anything can be patched from here on: gevent replaces it.
NATIVE_LOCAL = native_local()

in_request: ContextVar[Worker | None] = ContextVar("sessionguard_worker", default=None)

in_worker: ContextVar[Worker | None] = ContextVar("sessionguard_part", default=None)
"""The worker of ours that runs, in what it runs itself and in what it has an event loop run."""

in_startup: ContextVar[bool] = ContextVar("sessionguard_startup", default=False)
"""True in what an ASGI app does when it starts up: its ``lifespan``."""

test_contexts: ContextVar[int] = ContextVar("sessionguard_test_contexts", default=0)
"""How many application contexts the test itself has pushed."""


class _ThreadState(NATIVE_LOCAL):  # type: ignore[misc, valid-type]
    strand: Strand | None = None
    handle: Any = None
    passing: Snapshot | None = None
    loop_began: Snapshot | None = None
    binding: Binding | None = None
    giving = False
    removing = False
    unordered = False


class Strands:
    """Finds the current strand and worker, and makes new ones.

    ``running_loop`` and ``task_of`` are asyncio's once it has been imported, and not before: gevent
    warns when it patches what asyncio has brought along. ``begin_callback`` makes the strand of the
    handle that a loop runs, once somebody asks: most callbacks only wake a task. ``greenlets`` is
    True once gevent has been imported; before, nobody asks which greenlet runs.
    ``tasks`` are the strands of the tasks that live.
    ``foreign`` is there once an event loop ran whose order cannot be seen: the clock that then
    orders one operation after the other.
    """

    def __init__(self, next_token: Callable[[], int], epoch: Epoch) -> None:
        self._next_token = next_token
        self.epoch = epoch
        self.local = _ThreadState()
        self.test = Worker(next_token(), "test", "test", None, None)
        self.tasks: ByIdentity[Strand] = ByIdentity()
        self._strands_of_tasks = self.tasks.known
        self._greenlets: ByIdentity[Strand] = ByIdentity()
        self.running_loop: Callable[[], Any] = _nothing
        self.task_of: Callable[[Any], Any] = _nothing
        self.begin_callback: Callable[[Any], Any] = _nothing
        self.greenlets = False
        self.foreign: Clock | None = None
        self.greenlet_adopted: Callable[[Any, Strand], None] | None = None

    # -- who is running ------------------------------------------------------------------

    def current(self) -> Strand:
        """The strand that runs now."""
        loop = self.running_loop()
        if loop is not None:
            task = self.task_of(loop)
            if task is not None:
                known = self._strands_of_tasks.get(id(task))
                strand = known.value if known is not None else self.adopt_task(task)
                return strand.job or strand
            handle = self.local.handle
            if handle is not None:
                callback: Strand = handle._sessionguard_strand or self.begin_callback(handle)
                return callback.job or callback
        base = self.base() if self.greenlets else self.local.strand or self._adopt_thread()
        return base.job or base

    def base(self) -> Strand:
        """The thread or greenlet that runs now, whatever job it has taken."""
        if self.greenlets:
            greenlet = sys.modules["greenlet"].getcurrent()
            if greenlet.parent is not None:
                known = self._greenlets.get(greenlet)
                if known is not None:
                    return known
                if _is_geventish(greenlet):
                    return self.adopt_greenlet(greenlet)
        return self.main()

    def underlying(self) -> Strand:
        """The current strand without the job it has taken."""
        loop = self.running_loop()
        task = self.task_of(loop) if loop is not None else None
        if task is not None:
            return self.tasks.get(task) or self.adopt_task(task)
        handle = self.local.handle if loop is not None else None
        if handle is None:
            return self.base()
        callback: Strand = handle._sessionguard_strand or self.begin_callback(handle)
        return callback

    def thread_of(self, strand: Strand) -> int:
        """The thread or greenlet that ``strand``, the current one, runs on; 0 for tasks."""
        return self.base().token if strand.kind in ("thread", "job", "greenlet") else 0

    def main(self) -> Strand:
        """The strand of the current native thread itself."""
        strand: Strand | None = self.local.strand
        return strand if strand is not None else self._adopt_thread()

    def worker(self, strand: Strand) -> Worker:
        """Whose unit of work ``strand``, which is the current one, does now."""
        return in_request.get() or strand.worker

    @contextmanager
    def unordered(self) -> Iterator[None]:
        """What the guard itself wakes or queues here orders nothing."""
        before, self.local.unordered = self.local.unordered, True
        try:
            yield
        finally:
            self.local.unordered = before

    # -- new ones ------------------------------------------------------------------------

    def make_worker(
        self, kind: str, label: str, parent: Worker | None, site: Site | None
    ) -> Worker:
        """A new worker."""
        return Worker(self._next_token(), kind, label, parent, site)

    def spawn(self, kind: str, label: str, spawned: Stack, own_work: bool) -> Strand:
        """A strand that the current one starts.

        Its worker is the request it is part of; else, when it is ``own_work``, a new one; else
        that of whoever started it. What a session operation starts is the driver's, and orders
        nothing.
        """
        parent = self.current()
        worker = self.worker(parent)
        internal = bool(parent.operations) or parent.internal
        if own_work and not internal and worker.kind not in ("request", "context"):
            worker = self.make_worker(kind, label, worker, spawned[0] if spawned else None)
        strand = Strand(self._next_token(), kind, label, parent, worker, self.epoch)
        binding: Binding | None = self.local.binding
        strand.spawned = binding.stack if binding is not None else spawned
        strand.bound = binding.number if binding is not None else strand.token
        strand.own_work = own_work
        strand.inherited = list(held_locks(parent))
        strand.internal = internal
        if not internal:
            strand.clock.join(parent.clock.export())
            strand.started = strand.clock.seen
        return strand

    def finish(self, strand: Strand) -> None:
        """``strand`` has run to its end; whoever gathers the children of its parent learns of it."""
        strand.ended = True
        strand.reach = None
        done = strand.clock.export()
        if done is not None and strand.parent is not None and not strand.internal:
            strand.parent.children.join(done)

    def callback(self, worker: Worker | None = None) -> Strand:
        """A strand for one loop callback; what it starts belongs to the test if to nobody else."""
        whose = worker or self.test
        return Strand(self._next_token(), "callback", "loop callback", None, whose, self.epoch)

    def begin_thread(self, strand: Strand) -> None:
        """Make ``strand`` the current thread's (or, under gevent, the current greenlet's)."""
        if self.greenlets:
            greenlet = sys.modules["greenlet"].getcurrent()
            if greenlet.parent is not None and _is_geventish(greenlet):
                self._greenlets[greenlet] = strand
                return
        self.local.strand = strand

    def begin_task(self, task: Any, strand: Strand) -> None:
        """Make ``strand`` the one of ``task``."""
        self.tasks[task] = strand
        strand.task = weakref.ref(task)

    def begin_greenlet(self, greenlet: Any, strand: Strand) -> None:
        """Make ``strand`` the one of ``greenlet``."""
        self._greenlets[greenlet] = strand

    def of_task(self, task: Any) -> Strand | None:
        """The strand of a task, if it has one."""
        return self.tasks.get(task)

    def of_greenlet(self, greenlet: Any) -> Strand | None:
        """The strand of a greenlet, if it has one."""
        return self._greenlets.get(greenlet)

    def living_tasks(self) -> list[tuple[Any, Strand]]:
        """The tasks that have not ended, with their strands."""
        living = [(task, strand) for task, strand in self.tasks.items() if not strand.ended]
        return [(task, strand) for task, strand in living if not task.done()]

    # -- strands whose start was not seen --------------------------------------------------

    def adopt_task(self, task: Any) -> Strand:
        """A strand for a task whose making was not seen: a custom task factory, or a foreign loop."""
        strand = self._unseen("task", str(task.get_name()))
        self.order_as_it_comes()
        self.tasks[task] = strand
        return strand

    def order_as_it_comes(self) -> None:
        """Something runs whose order cannot be seen (uvloop, an eager task factory, trio).

        For the rest of the test operations are taken to be ordered as they come, unless they
        overlap.
        """
        if self.foreign is None:
            self.foreign = Clock(self._next_token(), self.epoch)
            others = [strand for _, strand in self.tasks.items() + self._greenlets.items()]
            for strand in (self.main(), *others):
                self.foreign.join(strand.clock.export())

    def adopt_greenlet(self, greenlet: Any) -> Strand:
        """A strand for a greenlet whose start was not seen."""
        strand = self._unseen("greenlet", "greenlet")
        self._greenlets[greenlet] = strand
        if self.greenlet_adopted is not None:
            self.greenlet_adopted(greenlet, strand)
        return strand

    def _adopt_thread(self) -> Strand:
        strand = self._unseen("thread", "thread")
        self.local.strand = strand
        return strand

    def _unseen(self, kind: str, label: str) -> Strand:
        return Strand(self._next_token(), kind, label, None, self.test, self.epoch)


def _nothing(*_: Any) -> None:
    """No loop runs, and so no task."""


def _is_geventish(greenlet: Any) -> bool:
    """Whether gevent runs this greenlet: it hangs under a hub, or is a hub."""
    seen = greenlet
    while seen is not None:
        if type(seen).__module__.startswith("gevent"):
            return True
        seen = seen.parent
    return False

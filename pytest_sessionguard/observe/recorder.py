"""Notes events: the one thing all hooks talk to.

The recorder knows who is running, gives out tokens, and appends to the current trace. It never
judges. What it describes (a worker, a strand, a session, a registry, a pool) it describes once in
each trace that meets it, so that every trace can be read alone.
"""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import Any, NamedTuple, Protocol, TypeVar

from pytest_sessionguard import events as ev
from pytest_sessionguard.clocks import Epoch
from pytest_sessionguard.observe.blocking import Abroad, Trip, Wanted
from pytest_sessionguard.observe.frames import Frames, outside_init
from pytest_sessionguard.observe.strand import Strand, Worker
from pytest_sessionguard.observe.strands import Strands, in_request
from pytest_sessionguard.schedule.waiting import Answer
from pytest_sessionguard.trace import Trace

Result = TypeVar("Result")


class Touched(Protocol):
    """What a worker touches, by names that do not hang on the order of the workers."""

    def uses(self, session: str) -> None:
        """It works with a Session, and may look into it from now on without being seen."""

    def reads(self, *names: str) -> None:
        """It looks at things."""

    def writes(self, *names: str) -> None:
        """It changes things."""

    def takes(self, lock: str, alone: bool = True) -> None:
        """It takes a lock, or tries to."""

    def drops(self, lock: str, alone: bool = True) -> None:
        """It lets go of a lock."""

    def signals(self, thing: Any) -> None:
        """It uses a thing of which the guard does not know who made it."""

    def asks(self, lock: str) -> None:
        """It wants a lock, and may have to wait for it."""

    def renamed(self) -> None:
        """Something will be noted under another name from the next execution on."""

    def who(self) -> tuple[str, str]:
        """The concurrent part, and who it is in that."""

    def makes(self, kind: str) -> str:
        """A name for something that the worker makes."""

    def place(self) -> str:
        """A name for the thread, greenlet or task that runs; ``"any"`` if others may run in it."""


class Label(NamedTuple):
    """What something that was made is called: by its maker, and as which of those that one made.

    It is the same in each execution of a test, whatever the order of the workers; ``epoch`` tells
    the trace in which it was made.
    """

    epoch: int
    text: str

    def name(self, epoch: int) -> str:
        """Its name in a trace."""
        return self.text if self.epoch == epoch else f"{self.text} @{self.epoch}"


class Scheduler(Protocol):
    """Who orders the workers; asked at yield points."""

    def point(self, name: str) -> None:
        """The current strand is about to do ``name``, or has done it: may it go on?"""

    def is_worker(self) -> bool:
        """Whether the current strand is a worker or belongs to one."""

    def wait(self, wanted: Wanted) -> Answer:
        """The current strand cannot go on until ``wanted.is_free()``: how is it to go on?"""

    def orders(self, strand: Strand) -> bool:
        """Whether this strand is one of the workers themselves."""

    def go_abroad(self, trip: Trip, may_be_kept: bool) -> Abroad | None:
        """The current strand may stay away for long; None when it has no turn to give.

        ``may_be_kept`` if that is watched, so that it can be told what it waits for.
        """

    def released(self) -> None:
        """The current strand has let go of a lock."""

    def notes(self) -> Touched | None:
        """Where the current strand's worker notes what it touches; None if it belongs to none."""

    def forking(self) -> None:
        """The current strand is about to start a process."""

    def spawned(self, strand: Strand, is_free: Callable[[], bool] | None = None) -> bool:
        """The current strand starts a thread, or a job that can begin when ``is_free()``.

        True if ``run`` is to run it.
        """

    def run(self, strand: Strand, function: Callable[[], Any]) -> None:
        """Run what a thread is there for, in its turn."""

    def ended(self, strand: Strand) -> None:
        """A strand has finished."""

    def joining(self, strand: Strand) -> None:
        """The current strand is about to wait until another one has finished."""


class Recorder:
    """Appends what the hooks see to the trace of the current test.

    ``active`` is False while nobody wants to know (a test that is not guarded), and after a fault
    of the guard; every hook asks it first. ``scheduler`` is there while workers take turns.
    ``on_fault`` is told of faults. ``next_token()`` is a
    number that was never given out before. ``shared_kinds`` are the kinds of events, futures and
    queues of which workers were seen to share one.
    """

    def __init__(self, frames: Frames, on_fault: Callable[[BaseException], None]) -> None:
        self.frames = frames
        self.active = True
        self.epoch = Epoch()
        self.trace = Trace()
        self.phase = "import"
        self.scheduler: Scheduler | None = None
        self.next_token: Callable[[], int] = itertools.count(1).__next__
        self._on_fault = on_fault
        self.strands = Strands(self.next_token, self.epoch)
        self._made: Counter[str] = Counter()
        self.shared_kinds: set[str] = set()

    def start(self, label: str) -> None:
        """Begin the trace of a test; clocks and descriptions start anew."""
        self.epoch.begin()
        self.trace = Trace()
        self._made.clear()
        self.strands.foreign = None
        self.strands.main().locks.clear()  # what an earlier test forgot to release protects nobody
        self.strands.test.label = label
        self.strands.test.announced = -1
        self.active = True

    def fault(self, error: BaseException) -> None:
        """Switch off for this test and tell the guard."""
        self.active = False
        self._on_fault(error)

    def shielded(self, action: Callable[..., Result], *arguments: Any) -> Result | None:
        """Call ``action``; a fault of ours switches the guard off and never reaches the user."""
        if not self.active:
            return None
        try:
            return action(*arguments)
        except Exception as error:
            self.fault(error)
            return None

    # -- what is touched -------------------------------------------------------------------

    def notes(self) -> Touched | None:
        """Where to note what is touched just now; None while no worker takes turns, mostly."""
        scheduler = self.scheduler
        return scheduler.notes() if scheduler is not None and self.active else None

    def touch(self, thing: Any) -> None:
        """Note that a thing by which strands tell one another something is used."""
        notes = self.notes()
        if notes is not None:
            notes.signals(thing)

    def label(self, kind: str) -> Label:
        """What to call a thing that is being made."""
        notes = self.notes()
        if notes is not None:
            return Label(self.epoch.number, notes.makes(kind))
        self._made[kind] += 1
        return Label(self.epoch.number, f"{kind} t.{self._made[kind]}")

    # -- who and where --------------------------------------------------------------------

    def who(self) -> tuple[Strand, Worker]:
        """The current strand and worker, described in the trace."""
        strand = self.strands.current()
        worker = in_request.get() or strand.worker
        epoch = self.epoch.number
        if worker.announced != epoch or strand.announced != epoch:
            self.described(strand)
        return strand, worker

    def described(self, strand: Strand) -> Worker:
        """The worker of the current strand; both are described in the trace."""
        worker = self.strands.worker(strand)
        if worker.announced != self.epoch.number:
            self.announce_worker(worker)
        if strand.announced != self.epoch.number:
            self.announce_strand(strand)
        return worker

    def here(self, frame: FrameType | None = None) -> ev.Stack:
        """The user's nearest line; else where the strand was started; else a library's line."""
        frame = frame or sys._getframe(1)
        return self.frames.nearest(frame) or self.elsewhere(frame)

    def stack(self, frame: FrameType | None = None) -> ev.Stack:
        """All the user's lines; else as ``here``."""
        frame = frame or sys._getframe(1)
        return self.frames.stack(frame) or self.elsewhere(frame)

    def elsewhere(self, frame: FrameType) -> ev.Stack:
        """Where the strand was started; else a library's line."""
        strand = self.strands.current()
        if strand.spawned and not self._request_began_in(strand):
            return strand.spawned
        return self.frames.library(frame)

    def _request_began_in(self, strand: Strand) -> bool:
        return self.strands.worker(strand) is not strand.worker

    # -- descriptions ----------------------------------------------------------------------

    def announce(self, strand: Strand) -> None:
        """Describe a strand that is not the current one, unless this trace knows it."""
        if strand.announced != self.epoch.number:
            self.announce_strand(strand)

    def announce_worker(self, worker: Worker) -> None:
        """Describe a worker, and first the one it belongs to."""
        worker.announced = self.epoch.number
        parent = worker.parent
        if parent is not None and parent.announced != self.epoch.number:
            self.announce_worker(parent)
        self.trace.note(
            ev.WorkerBegan(
                worker.token, worker.kind, worker.label, parent.token if parent else None,
                worker.site, worker.inside_test_context,
            )
        )  # fmt: skip
        if worker.ended:
            self.trace.note(ev.WorkerEnded(worker.token))

    def announce_strand(self, strand: Strand) -> None:
        """Describe a strand, and first the one that started it."""
        strand.announced = self.epoch.number
        parent = strand.parent
        if parent is not None and parent.announced != self.epoch.number:
            self.announce_strand(parent)
        if strand.worker.announced != self.epoch.number:
            self.announce_worker(strand.worker)
        self.trace.note(
            ev.StrandBegan(
                strand.token, strand.kind, strand.label, parent.token if parent else None,
                strand.worker.token, strand.spawned, strand.started,
            )
        )  # fmt: skip

    def end_worker(self, worker: Worker) -> None:
        """A worker has done its work."""
        if worker.ended:
            return
        worker.ended = True
        if worker.announced == self.epoch.number:
            self.trace.note(ev.WorkerEnded(worker.token))

    def end_strand(self, strand: Strand) -> None:
        """A strand has finished; so has its worker, if the strand was all of it. Said once."""
        if strand.ended:
            return
        self.strands.finish(strand)
        if strand.announced == self.epoch.number:
            self.trace.note(ev.StrandEnded(strand.token))
        its_own = strand.parent is None or strand.parent.worker is not strand.worker
        if its_own and strand.worker.kind == strand.kind:
            self.end_worker(strand.worker)
        if self.scheduler is not None:
            self.scheduler.ended(strand)


def made_at(recorder: Recorder, frame: FrameType, thing: Any) -> ev.Stack:
    """The user's lines that construct ``thing``; not those of its own class's ``__init__``."""
    return recorder.frames.stack(outside_init(frame, thing))

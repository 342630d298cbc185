"""Answers the hooks of ``observe``: which worker has come to a yield point, and may it go on?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from pytest_sessionguard.clients import has_context
from pytest_sessionguard.events import Site, Stack
from pytest_sessionguard.observe.recorder import Recorder
from pytest_sessionguard.observe.strands import Strand, Worker, in_worker
from pytest_sessionguard.schedule.turns import Turns, Wait


class Preempted(NamedTuple):
    """The turn was taken from a worker that was about to do ``name`` at ``site``."""

    worker: int
    name: str
    site: Site


class Row(NamedTuple):
    """Worker ``worker`` has gone on with ``name`` at ``site``, or waits there for something."""

    worker: int
    name: str
    site: Site | None
    waits: bool = False


class Conductor:
    """Knows which strands belong to which worker of ours.

    A strand counts for the worker that started it, through the requests, threads and tasks in
    between. Whoever belongs to none is never made to wait. ``told`` when the user will be shown
    each step with its line, in ``rows``. ``can_wait()`` tells whether the current strand can be
    made to wait where it is.
    """

    def __init__(
        self,
        recorder: Recorder,
        turns: Turns,
        told: bool = False,
        can_wait: Callable[[], bool] = lambda: True,
    ) -> None:
        self.recorder = recorder
        self.turns = turns
        self._can_wait = can_wait
        self.preempted: list[Preempted] = []
        self.rows: list[Row] = []
        self._told = told
        self.forked: Stack = ()
        self._strands: list[Strand] = []
        self._numbers: dict[int, int] = {}

    def begin(self, kind: str, number: int, runner: Any, spawned: Stack, things: list[Any]) -> None:
        """A worker is about to start: give it a strand and a unit of work of its own.

        ``kind`` is what ``runner`` is: a thread, greenlet or task. ``things`` are what it is
        started with, ``spawned`` the line that gives them to it.
        """
        strands = self.recorder.strands
        strand = strands.spawn(kind, f"worker {number}", spawned, own_work=True)
        strand.reach = lambda: things
        strand.worker.inside_test_context = has_context()
        self._numbers[strand.worker.token] = number
        self._strands.append(strand)
        if kind == "greenlet":
            strands.begin_greenlet(runner, strand)
        elif kind == "task":
            strands.begin_task(runner, strand)
        else:
            runner.__dict__["_sessionguard"] = strand

    def enter(self, number: int) -> None:
        """Worker ``number`` runs: what it has others run for it carries its name."""
        in_worker.set(self._strands[number].worker)

    def leave(self, number: int) -> None:
        """Worker ``number`` has done its work: told while it has the turn, so always in its place."""
        self.recorder.shielded(self.recorder.end_strand, self._strands[number])

    def join(self) -> None:
        """The workers have ended: what the current strand does next is after all they did."""
        clock = self.recorder.strands.current().clock
        for strand in self._strands:
            clock.join(strand.clock.export())

    def point(self, name: str) -> None:
        """A yield point of the current strand."""
        number = self._number()
        if number is None or not self._can_wait():
            return
        if self.turns.is_to_change():
            here = self.recorder.here()
            if here:
                self.preempted.append(Preempted(number, name, here[0]))
        self.turns.point(number, name)
        if self._told:
            self._add_row(number, name)

    def _add_row(self, number: int, name: str, waits: bool = False) -> None:
        here = self.recorder.here()
        self.rows.append(Row(number, name, here[0] if here else None, waits))

    def forking(self) -> None:
        """Remember where a worker starts a process: nothing orders what that does."""
        if self.is_worker():
            self.forked = self.recorder.here() or self.forked

    def is_worker(self) -> bool:
        """Whether the current strand is a worker or belongs to one."""
        return self._number() is not None

    def wait(self, what: str, is_free: Callable[[], bool], last: bool = False) -> bool:
        """The current strand steps back until ``is_free()``; False if nobody else can go on."""
        number = self._number()
        if number is None or not self._can_wait():
            return False
        if self._told:
            self._add_row(number, what, waits=True)
        return self.turns.wait(number, Wait(what, is_free, may_give_up=True, last=last))

    def _number(self) -> int | None:
        strands = self.recorder.strands
        worker: Worker | None = strands.worker(strands.current())
        while worker is not None:
            number = self._numbers.get(worker.token)
            if number is not None:
                return number
            worker = worker.parent
        return None

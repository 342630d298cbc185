"""Answers the hooks of ``observe``: which worker has come to a yield point, and may it go on?"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from pytest_sessionguard.backends.journeys import Call, Journeys
from pytest_sessionguard.backends.lines import Lines, only_waits
from pytest_sessionguard.backends.stuck import Stuck, Traveller
from pytest_sessionguard.backends.touching import Shared, Touching
from pytest_sessionguard.clients import has_context
from pytest_sessionguard.events import Site, Stack, TakesTurns
from pytest_sessionguard.observe.blocking import Abroad, Held, Trip, Wanted
from pytest_sessionguard.observe.recorder import Recorder
from pytest_sessionguard.observe.strand import Strand
from pytest_sessionguard.observe.strands import in_worker
from pytest_sessionguard.schedule.turn import Abandoned
from pytest_sessionguard.schedule.turns import Turns
from pytest_sessionguard.schedule.waiting import SPAWNER, Answer, Holders, Wait


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
    made to wait where it is; ``settle()`` lets those run that were started at the same time;
    ``call()`` calls a function where the workers run.
    """

    def __init__(
        self,
        recorder: Recorder,
        turns: Turns,
        told: bool = False,
        can_wait: Callable[[], bool] = lambda: True,
        settle: Callable[[], None] = lambda: None,
        call: Call = lambda function: function(),
    ) -> None:
        self.recorder = recorder
        self.turns = turns
        self.preempted: list[Preempted] = []
        self.rows: list[Row] = []
        self.forked: Stack = ()
        turns.turn.preempting = self._preempting
        turns.turn.outsiders = self.has_outsiders
        self._turn = turns.turn
        self._lines = Lines(recorder.strands, turns)
        self._stuck = Stuck(recorder, turns)
        self.journeys = Journeys(turns, self.wait_for, call)
        turns.turn.is_served = self.journeys.is_served
        self._shared = Shared(recorder.shared_kinds, turns.turn.record.notes)
        self._touching: dict[int, Touching] = {}
        self._told = told
        self._can_wait = can_wait
        self._settle = settle
        self._settling: set[int] = set()
        self._spawner = recorder.strands.current()
        self._home = threading.current_thread()
        self._part = recorder.next_token()
        self._prefix = recorder.label("part").text

    def begin(self, kind: str, number: int, runner: Any, spawned: Stack, things: list[Any]) -> None:
        """A worker is about to start: give it a strand and a unit of work of its own.

        ``kind`` is what ``runner`` is: a thread, greenlet or task. ``things`` are what it is
        started with, ``spawned`` the line that gives them to it.
        """
        strands = self.recorder.strands
        strand = strands.spawn(kind, f"worker {number}", spawned, own_work=True)
        strand.reach = lambda: things
        strand.worker.inside_test_context = has_context()
        self._lines.begin(number, strand)
        self.recorder.shielded(self._announce, strand)
        if kind == "greenlet":
            strands.begin_greenlet(runner, strand)
        elif kind == "task":
            strands.begin_task(runner, strand)
        else:
            runner.__dict__["_sessionguard"] = strand

    def _announce(self, strand: Strand) -> None:
        self.recorder.announce(strand)
        self.recorder.trace.note(TakesTurns(self._part, strand.worker.token))

    def enter(self, number: int) -> None:
        """Worker ``number`` runs: what it has others run for it carries its name."""
        in_worker.set(self._lines.workers[number].worker)

    def leave(self, number: int) -> None:
        """Worker ``number`` has done its work: told while it has the turn, so always in its place."""
        self.recorder.shielded(self.recorder.end_strand, self._lines.workers[number])

    def land(self) -> None:
        """Have those come back whom their servers keep no more, before it is decided who goes on."""
        if self.journeys.kept and self._can_wait():
            self.journeys.land()

    def join(self) -> None:
        """The workers have ended: what the current strand does next is after all they did."""
        clock = self.recorder.strands.current().clock
        for strand in self._lines.workers:
            clock.join(strand.clock.export())

    def places(self) -> dict[int, Site]:
        """Where each worker waited last for something known."""
        return self._stuck.places()

    def point(self, name: str) -> None:
        """A yield point of the current strand."""
        number = self._arrived()
        if number is None or not self._can_wait():
            return
        self.turns.point(number, name)
        if self._told:
            self._add_row(number, name)

    def spawned(self, strand: Strand, is_free: Callable[[], bool] | None = None) -> bool:
        """The current strand starts a thread, or a job that can begin when ``is_free()``.

        Whether it takes turns, and so is to be run by us.
        """
        parent = self._lines.current()
        if parent is None or strand.internal:
            return False
        number = self._lines.join(strand, parent, waits=True)
        if is_free is not None:
            self._turn.states[number].wait = Wait("a thread of the pool", is_free)
        return True

    def run(self, strand: Strand, function: Callable[[], Any]) -> None:
        """Run what a thread is there for, from its first turn on."""
        number = self._lines.of_child(strand)
        assert number is not None  # ``spawned`` has given it one
        with contextlib.suppress(Abandoned):
            self.turns.enter(number)
            function()

    def ended(self, strand: Strand) -> None:
        """A strand has finished: somebody else has its turn."""
        number = self._lines.of_child(strand)
        if number is not None:
            self.turns.leave(number)

    def joining(self, strand: Strand) -> None:
        """The current strand waits until another has finished, which gets the turn meanwhile."""
        number, holder = self._lines.of_child(strand), self._turn.holder
        if number is not None and holder is not None and holder == self._lines.current():
            self.turns.hand_over(number, alone=True)

    def _add_row(self, number: int, name: str, waits: bool = False) -> None:
        here, state = self.recorder.here(), self._turn.states[number]
        self.rows.append(Row(state.root, state.named(name), here[0] if here else None, waits))

    def _preempting(self, number: int, name: str) -> None:
        here, state = self.recorder.here(), self._turn.states[number]
        if here and name:
            self.preempted.append(Preempted(state.root, state.named(name), here[0]))

    def notes(self) -> Touching | None:
        """Where the current strand's worker notes what it touches."""
        number = self._lines.current()
        if number is None:
            return None
        return self._touching.get(number) or self._begin_notes(number)

    def _begin_notes(self, number: int) -> Touching:
        state = self._turn.states[number]
        touching = self._touching[number] = Touching(
            self._turn.record.notes, self._shared, number, state.root,
            self._prefix, state.line or str(number), self._is_in_own_strand,
        )  # fmt: skip
        return touching

    def _is_in_own_strand(self, number: int) -> bool:
        return self._lines.is_own(self.recorder.strands.current(), number)

    def forking(self) -> None:
        """Remember where a worker starts a process: nothing orders what that does."""
        if self.is_worker():
            self.forked = self.recorder.here() or self.forked

    def is_worker(self) -> bool:
        """Whether the current strand is a worker or belongs to one."""
        return self._lines.current() is not None

    def wait(self, wanted: Wanted) -> Answer:
        """The current strand steps back until ``wanted`` is free; see ``Answer``."""
        number = self._arrived()
        if number is None:
            return Answer.IN_EARNEST
        if not self._can_wait():  # nor could it in life: who stops the loop stops everybody
            return Answer.IN_EARNEST if wanted.seconds is None else Answer.GIVE_UP
        if self._told:
            self._add_row(number, wanted.what, waits=True)
        return self.turns.wait(number, self.wait_for(number, wanted, self._stuck.traveller()))

    def wait_for(self, number: int, wanted: Wanted, who: Traveller) -> Wait:
        """What worker ``number`` waits for, as the turns see it."""
        until = self._stuck.begin(number, wanted, who)
        holders = _holders(self._holder_number, wanted)
        return Wait(wanted.what, wanted.is_free, until, wanted.last, holders, _is_undone(wanted))

    def orders(self, strand: Strand) -> bool:
        """Whether this strand is one of the workers themselves."""
        return strand in self._lines.workers

    def go_abroad(self, trip: Trip, may_be_kept: bool) -> Abroad | None:
        """The current strand may stay away for long; None when it has no turn to give."""
        number = self._lines.current()
        if number is None or self._turn.holder != number:
            return None
        who = self._stuck.traveller() if may_be_kept else None
        return self.journeys.begin(number, who, trip)

    def released(self) -> None:
        """The current strand has let go of a lock."""
        number = self._lines.current()
        if number is not None and self._can_wait():
            self.turns.released(number)

    def has_outsiders(self) -> bool:
        """Whether somebody beside the workers lives who could let one of them go on.

        Of greenlets nobody keeps a list, so there it is taken to be so.
        """
        workers = self._lines.workers
        if any(strand.kind != "thread" for strand in workers):
            return True
        alive = [thread for thread in threading.enumerate() if thread is not self._home]
        return any(thread.__dict__.get("_sessionguard") not in workers for thread in alive)

    def _holder_number(self, held: Held) -> int | None:
        """Who holds something, if nothing but what the guard knows can make it let go.

        What a worker has started runs on while the worker itself waits.
        """
        if held.strand is self._spawner:
            return SPAWNER
        number = self._lines.root(held.worker)
        if number is None or not held.strand.own_work:
            return number
        waits = self._lines.is_own(held.strand, number) or held.strand is self._stuck.strand(number)
        return number if waits else None

    # -- who has come to a yield point ---------------------------------------------------------

    def _arrived(self) -> int | None:
        """The number of the current strand, which has come to a yield point.

        A child whose worker has the turn, and only waits for somebody, gets it.
        """
        strand = self.recorder.strands.current()
        number = self._lines.of(strand)
        if number is None:
            return None
        self._lines.acting[number] = strand
        if self.journeys.kept:
            self.land()
        root = self._turn.states[number].root
        if root not in self._settling and self._is_lent(root, number):
            self._settling.add(root)
            try:
                self._settle()
            finally:
                self._settling.discard(root)
            if self._is_lent(root, number):
                self.turns.hand_over(number)
        return number

    def _is_lent(self, root: int, number: int) -> bool:
        """Whether whoever of a worker has the turn only waits, so that ``number`` can have it."""
        holder = self._turn.holder
        if holder is None or holder == number or self._turn.states[holder].root != root:
            return False
        acting = self._lines.acting.get(holder)
        return acting is not None and self._can_wait() and only_waits(acting)


def _is_undone(wanted: Wanted) -> bool:
    """SQLite refuses a statement as a whole, and it is all that was done since the yield point."""
    return wanted.kind in ("database", "commit")


def _holders(number_of: Callable[[Held], int | None], wanted: Wanted) -> Callable[[], Holders]:
    """Who could let somebody go on, as numbers; None if one of them is no worker of ours."""

    def holders() -> Holders:
        held = wanted.held()
        numbers = [number_of(each) for each in held] if held is not None else [None]
        known = {number for number in numbers if number is not None}
        return known if len(known) and None not in numbers else None

    return holders

"""Answers the hooks of ``observe``: which worker has come to a yield point, and may it go on?"""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

from pytest_sessionguard.backends.stuck import Stuck, Traveller
from pytest_sessionguard.clients import has_context
from pytest_sessionguard.events import Site, Stack, TakesTurns
from pytest_sessionguard.observe.blocking import Abroad, Held, Wanted
from pytest_sessionguard.observe.recorder import Recorder
from pytest_sessionguard.observe.strands import Strand, Worker, in_worker
from pytest_sessionguard.schedule.turns import Abandoned, Turns
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


class Touching:
    """Notes what one worker touches; see ``Touched`` in ``observe.recorder``."""

    def __init__(self, conductor: Conductor, number: int, name: str) -> None:
        self._conductor = conductor
        self._number = number
        self._name = name
        self._notes = conductor.turns.notes
        self._made: Counter[str] = Counter()

    def uses(self, session: str) -> None:
        """It works with a Session."""
        self._notes.stick(self._number, session)

    def reads(self, *names: str) -> None:
        """It looks at things."""
        for name in names:
            self._notes.read(self._number, name)

    def writes(self, *names: str) -> None:
        """It changes things."""
        for name in names:
            self._notes.write(self._number, name)

    def takes(self, lock: str, alone: bool = True) -> None:
        """It takes a lock, or tries to."""
        self._notes.take(self._number, lock, alone)

    def drops(self, lock: str, alone: bool = True) -> None:
        """It lets go of a lock."""
        self._notes.drop(self._number, lock, alone)

    def makes(self, kind: str) -> str:
        """``kind part.worker.n``: the n-th that this worker makes."""
        self._made[kind] += 1
        return f"{kind} {self._name}.{self._made[kind]}"

    def signals(self, thing: Any) -> None:
        """It uses an event, a future, a queue: called after its kind once workers share one.

        Who made it is not known, and a name after who used it first would hang on the order. As long
        as every worker keeps to its own, they meet nobody.
        """
        kind, conductor = type(thing).__qualname__, self._conductor
        shared = conductor.recorder.shared_kinds
        root = conductor.turns.states[self._number].root
        if kind not in shared:
            _, owner = conductor.signals.setdefault(id(thing), (thing, root))
            if owner == root:
                return
            shared.add(kind)
            self._notes.renamed = True
        self._notes.write(self._number, f"any {kind}")

    def place(self) -> str:
        """The worker's own; what it starts may be a pool's, and serve others too."""
        return self._name if self._conductor.is_in_own_strand(self._number) else "any"


class Conductor:
    """Knows which strands belong to which worker of ours.

    A strand counts for the worker that started it, through the requests, threads and tasks in
    between. Whoever belongs to none is never made to wait. ``told`` when the user will be shown
    each step with its line, in ``rows``. ``can_wait()`` tells whether the current strand can be
    made to wait where it is; ``settle()`` lets those run that were started at the same time.
    """

    def __init__(
        self,
        recorder: Recorder,
        turns: Turns,
        told: bool = False,
        can_wait: Callable[[], bool] = lambda: True,
        settle: Callable[[], None] = lambda: None,
    ) -> None:
        self.recorder = recorder
        self.turns = turns
        self._can_wait = can_wait
        self._settle = settle
        self._settling: set[int] = set()
        turns.preempting = self._preempting
        self.preempted: list[Preempted] = []
        self.rows: list[Row] = []
        self._told = told
        self.forked: Stack = ()
        self._strands: list[Strand] = []
        self._numbers: dict[int, int] = {}
        self._lines: dict[int, int] = {}
        self._owners: dict[int, Strand] = {}
        self._acting: dict[int, Strand] = {}
        self._spawner = recorder.strands.current()
        self._home = threading.current_thread()
        self._part = recorder.next_token()
        self._stuck = Stuck(recorder, turns)
        self.signals: dict[int, tuple[Any, int]] = {}
        self._prefix = recorder.label("part").text
        self._touching = [
            Touching(self, state.number, f"{self._prefix}.{state.number}") for state in turns.states
        ]

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
        self._lines[strand.token] = number
        self._acting[number] = strand
        self._strands.append(strand)
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
        in_worker.set(self._strands[number].worker)

    def leave(self, number: int) -> None:
        """Worker ``number`` has done its work: told while it has the turn, so always in its place."""
        self.recorder.shielded(self.recorder.end_strand, self._strands[number])

    def join(self) -> None:
        """The workers have ended: what the current strand does next is after all they did."""
        clock = self.recorder.strands.current().clock
        for strand in self._strands:
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
        parent = self._number()
        if parent is None or strand.internal:
            return False
        number = self._lines[strand.token] = self._joined(strand, parent, waits=True)
        if is_free is not None:
            self.turns.states[number].wait = Wait("a thread of the pool", is_free)
        return True

    def run(self, strand: Strand, function: Callable[[], Any]) -> None:
        """Run what a thread is there for, from its first turn on."""
        number = self._lines[strand.token]
        with contextlib.suppress(Abandoned):
            self.turns.enter(number)
            function()

    def ended(self, strand: Strand) -> None:
        """A strand has finished: somebody else has its turn."""
        number = self._lines.get(strand.token)
        if number is not None and self._owners.get(number) is strand:
            self.turns.leave(number)

    def joining(self, strand: Strand) -> None:
        """The current strand waits until another has finished, which gets the turn meanwhile."""
        number = self._lines.get(strand.token)
        if number in self._owners and number is not None:
            holder = self.turns.holder
            if holder is not None and holder == self._number():
                self.turns.hand_over(number, alone=True)

    def _add_row(self, number: int, name: str, waits: bool = False) -> None:
        here, state = self.recorder.here(), self.turns.states[number]
        self.rows.append(Row(state.root, state.named(name), here[0] if here else None, waits))

    def _preempting(self, number: int, name: str) -> None:
        here, state = self.recorder.here(), self.turns.states[number]
        if here and name:
            self.preempted.append(Preempted(state.root, state.named(name), here[0]))

    def notes(self) -> Touching | None:
        """Where the current strand's worker notes what it touches."""
        number = self._number()
        return self._touching[number] if number is not None else None

    def is_in_own_strand(self, number: int) -> bool:
        """Whether the current strand is the one in which worker ``number`` was started."""
        own = self._strands[number] if number < len(self._strands) else None
        return self.recorder.strands.current() is own

    def forking(self) -> None:
        """Remember where a worker starts a process: nothing orders what that does."""
        if self.is_worker():
            self.forked = self.recorder.here() or self.forked

    def is_worker(self) -> bool:
        """Whether the current strand is a worker or belongs to one."""
        return self._number() is not None

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
        return strand in self._strands

    def go_abroad(self) -> Abroad | None:
        """The current strand may stay away for long; None when it has no turn to give."""
        number = self._number()
        if number is None or self.turns.holder != number or self._strands[number].kind != "thread":
            return None
        return Journey(self, self._stuck.traveller(), number)

    def released(self) -> None:
        """The current strand has let go of a lock."""
        number = self._number()
        if number is not None and self._can_wait():
            self.turns.released(number)

    def has_outsiders(self) -> bool:
        """Whether somebody beside the workers lives who could let one of them go on.

        Of greenlets nobody keeps a list, so there it is taken to be so.
        """
        if any(strand.kind != "thread" for strand in self._strands):
            return True
        alive = [thread for thread in threading.enumerate() if thread is not self._home]
        return any(thread.__dict__.get("_sessionguard") not in self._strands for thread in alive)

    def _holder_number(self, held: Held) -> int | None:
        """Who holds something, if nothing but what the guard knows can make it let go.

        What a worker has started runs on while the worker itself waits.
        """
        if held.strand is self._spawner:
            return SPAWNER
        number = self._number_of(held.worker)
        if number is None or not held.strand.own_work:
            return number
        waits = held.strand is self._strands[number] or held.strand is self._stuck.strand(number)
        return number if waits else None

    # -- which strand is whose ---------------------------------------------------------------

    def _number(self) -> int | None:
        return self._line_of(self.recorder.strands.current())

    def _arrived(self) -> int | None:
        """The number of the current strand, which has come to a yield point.

        A child whose worker has the turn, and only waits for somebody, gets it.
        """
        strand = self.recorder.strands.current()
        number = self._line_of(strand)
        if number is None:
            return None
        turns, states = self.turns, self.turns.states
        self._acting[number] = strand
        root = states[number].root
        if root not in self._settling and self._is_lent(root, number):
            self._settling.add(root)
            try:
                self._settle()
            finally:
                self._settling.discard(root)
            if self._is_lent(root, number):
                turns.hand_over(number)
        return number

    def _is_lent(self, root: int, number: int) -> bool:
        """Whether whoever of a worker has the turn only waits, so that ``number`` can have it."""
        holder = self.turns.holder
        if holder is None or holder == number or self.turns.states[holder].root != root:
            return False
        acting = self._acting.get(holder)
        return acting is not None and self._can_wait() and _waits(acting)

    def _joined(self, strand: Strand, parent: int, waits: bool = False) -> int:
        number = self.turns.join(parent, waits)
        state = self.turns.states[number]
        self._touching.append(Touching(self, number, f"{self._prefix}.{state.line}"))
        self._owners[number] = self._acting[number] = strand
        return number

    def _line_of(self, strand: Strand) -> int | None:
        """The number under which a strand takes turns; None if it belongs to no worker.

        A task or greenlet of a worker has one of its own; what only goes on for another strand
        (a job of a pool, a portal's task, the task in which AsyncSession closes) has that one's.
        """
        number = self._lines.get(strand.token)
        if number is not None:
            return number
        root = self._number_of(self.recorder.strands.worker(strand))
        if root is None:
            return None
        parent = self._line_of(strand.parent) if strand.parent is not None else None
        if parent is None or self.turns.states[parent].root != root:
            number = root
        elif _goes_on_for_another(strand):
            number = parent
        else:
            number = self._joined(strand, parent)
        self._lines[strand.token] = number
        return number

    def _number_of(self, worker: Worker | None) -> int | None:
        """The number of the worker that a request, or whatever it started, belongs to."""
        while worker is not None:
            number = self._numbers.get(worker.token)
            if number is not None:
                return number
            worker = worker.parent
        return None


def _goes_on_for_another(strand: Strand) -> bool:
    """Whether whoever started a strand only waits for it: then it takes that one's turns."""
    parent = strand.parent
    if strand.kind == "task":  # a thread runs a loop, or AsyncSession closes in a task of its own
        driven = parent is not None and parent.kind in ("thread", "greenlet")
        return (
            driven or strand.internal or (not strand.own_work and strand.label.endswith(".close"))
        )
    return strand.kind != "greenlet" or strand.internal


def _waits(strand: Strand) -> bool:
    """Whether a strand only waits for others, just now, and for no database."""
    if strand.kind == "greenlet":
        return True  # another one runs
    task = strand.task() if strand.task is not None else None
    if task is None:
        return strand.ended
    from pytest_sessionguard.backends.tasks import waits_for_another

    return waits_for_another(task)


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


class Journey:
    """A worker that is in a driver; see ``observe.blocking.Abroad``."""

    def __init__(self, conductor: Conductor, who: Traveller, number: int) -> None:
        self._conductor = conductor
        self._who = who
        self._number = number

    def waits(self, wanted: Wanted) -> None:
        """Let others go on."""
        conductor = self._conductor
        wait = conductor.wait_for(self._number, wanted, self._who)
        conductor.turns.go_abroad(self._number, wait)

    def back(self) -> None:
        """Wait for the turn, if it was given away."""
        self._conductor.turns.come_back(self._number)

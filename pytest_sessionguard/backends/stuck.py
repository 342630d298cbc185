"""What is noted when nobody can go on: who waits for what, where, and who holds it."""

from __future__ import annotations

from typing import NamedTuple

from pytest_sessionguard import events as ev
from pytest_sessionguard.observe.blocking import Held, Wanted
from pytest_sessionguard.observe.recorder import Recorder
from pytest_sessionguard.observe.strand import Strand, Worker
from pytest_sessionguard.schedule.turns import Turns
from pytest_sessionguard.schedule.waiting import NEVER


class Traveller(NamedTuple):
    """Who is about to wait, and where."""

    strand: Strand
    worker: Worker
    stack: ev.Stack


class Blocked(NamedTuple):
    """A worker's wait, from its first question on; ``place`` is the order in which they came."""

    wanted: Wanted
    strand: Strand
    worker: Worker
    stack: ev.Stack
    place: int
    until: float


class Stuck:
    """The last wait of each worker, and the event that says who waits for whom."""

    def __init__(self, recorder: Recorder, turns: Turns) -> None:
        self._recorder = recorder
        self._turns = turns
        self._blocked: dict[int, Blocked] = {}
        self._places = 0
        turns.turn.on_stuck = self._on_stuck

    def traveller(self) -> Traveller:
        """The current strand."""
        return Traveller(*self._recorder.who(), self._recorder.stack())

    def begin(self, number: int, wanted: Wanted, who: Traveller) -> float:
        """Worker ``number`` waits, or still waits; until when, on the clock of the turns."""
        known = self._blocked.get(number)
        if known is None or known.wanted is not wanted:
            until = NEVER if wanted.seconds is None else self._turns.turn.now + wanted.seconds
            self._places += 1
            known = self._blocked[number] = Blocked(wanted, *who, self._places, until)
        return known.until

    def strand(self, number: int) -> Strand | None:
        """The strand of worker ``number`` that waited last."""
        known = self._blocked.get(number)
        return known.strand if known is not None else None

    def places(self) -> dict[int, ev.Site]:
        """Where each worker waited last."""
        return {number: each.stack[0] for number, each in self._blocked.items() if each.stack}

    def _on_stuck(self, stuck: set[int], victim: int | None) -> None:
        self._recorder.shielded(self._note, stuck, victim)

    def _note(self, stuck: set[int], victim: int | None) -> None:
        order = sorted(stuck, key=lambda number: self._blocked[number].place)
        waiting = tuple(_waiting(self._blocked[number], number == victim) for number in order)
        if waiting:
            self._recorder.trace.note(ev.Stuck(waiting))


def _waiting(blocked: Blocked, refused: bool) -> ev.Waiting:
    wanted = blocked.wanted
    return ev.Waiting(
        blocked.strand.token, blocked.worker.token, wanted.kind, wanted.what, blocked.stack,
        tuple(_held_by(each) for each in wanted.held() or ()), refused,
    )  # fmt: skip


def _held_by(held: Held) -> ev.HeldBy:
    return ev.HeldBy(held.strand.token, held.worker.token, held.what, held.stack)

"""Who is in a driver: kept by its server for another worker, or served and on the way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytest_sessionguard.backends.stuck import Traveller
from pytest_sessionguard.isolate import drivers
from pytest_sessionguard.observe.blocking import Trip, Wanted
from pytest_sessionguard.schedule.turns import Turns
from pytest_sessionguard.schedule.waiting import Wait

STEP = 0.0002
"""Seconds between two looks at one that is about to end."""

WaitFor = Callable[[int, Wanted, Traveller], Wait]
"""What the worker of this number waits for, as the turns see it."""

Call = Callable[[Callable[[], None]], None]
"""Has a function called where the workers run; from any thread."""


class Journeys:
    """The trips of the workers. ``kept`` are those for which others go on."""

    def __init__(self, turns: Turns, wait_for: WaitFor, call: Call) -> None:
        self.turns = turns
        self.wait_for = wait_for
        self.call = call
        self.kept: set[Journey] = set()
        self._under_way: dict[int, Trip] = {}

    def begin(self, number: int, who: Traveller | None, trip: Trip) -> Journey:
        """Worker ``number`` has gone abroad; ``who`` is known if it may be kept there."""
        self._under_way[number] = trip
        return Journey(self, number, who, trip)

    def ended(self, journey: Journey) -> None:
        """It is back."""
        self.kept.discard(journey)
        self._under_way.pop(journey.number, None)

    def land(self) -> None:
        """Wait for those whom their servers keep no more: it is to be decided who goes on.

        Whoever comes here has the turn, or nobody has: no transaction ends meanwhile.
        """
        for journey in sorted(self.kept, key=lambda each: each.number):
            while not (journey.trip.done or self.turns.is_over() or journey.trip.is_kept()):
                drivers.pause(STEP)

    def is_served(self) -> bool | None:
        """Whether a server works for whoever has the turn, or will say whom it keeps it for.

        None when that one is in no driver.
        """
        holder = self.turns.turn.holder
        trip = self._under_way.get(holder) if holder is not None else None
        return None if trip is None or trip.done else not trip.is_lost()

    def tasks(self) -> list[Any]:
        """The tasks that are kept, of those that are tasks."""
        references = [each.who.strand.task for each in self.kept if each.who is not None]
        return [reference() for reference in references if reference is not None]


class Journey:
    """One trip; see ``observe.blocking.Abroad``."""

    def __init__(self, journeys: Journeys, number: int, who: Traveller | None, trip: Trip) -> None:
        self.number = number
        self.who = who
        self.trip = trip
        self._journeys = journeys

    def waits(self, wanted: Wanted) -> None:
        """Let others go on."""
        self._journeys.call(lambda: self._let_others(wanted))

    def _let_others(self, wanted: Wanted) -> None:
        assert self.who is not None  # asked of those that may be kept
        if not self.trip.done:
            wait = self._journeys.wait_for(self.number, wanted, self.who)
            self._journeys.kept.add(self)
            self._journeys.turns.go_abroad(self.number, wait)

    def back(self) -> None:
        """Wait for the turn, if it was given away.

        If nobody has it, all are abroad, and the server has refused one of a cycle: another may be let
        go on by that, at the same time.
        """
        journeys = self._journeys
        journeys.ended(self)
        if journeys.kept and journeys.turns.turn.holder is None:
            journeys.land()
        journeys.turns.come_back(self.number)

"""The turn: who has it, who gets it next, and what becomes of it when nobody can go on.

Nothing here takes a lock: ``Turns`` does, and calls in with it held.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pytest_sessionguard.schedule.record import Record
from pytest_sessionguard.schedule.standing import Impasse, impasse, in_line
from pytest_sessionguard.schedule.states import Gate, State
from pytest_sessionguard.schedule.strategy import Execution, Schedule, Segment
from pytest_sessionguard.schedule.waiting import NEVER, Answer

DEADLOCK = "deadlock"
HANG = "hang"
ENDLESS = "endless"
MOST_STEPS = 100_000
"""Steps, and timeouts in a row, after which workers are taken to poll for ever."""
MOST_AFTER = 200
"""Steps that what the workers have left running may take when they are done."""

Beyond = Callable[[Sequence[Segment], tuple[int, ...], bool], int]
"""Chooses where the schedule has ended; see ``Strategy.beyond``."""


class Abandoned(BaseException):
    """The execution was given up: the worker unwinds. No ``except Exception`` may stop it."""


class Turn:
    """The turn of one execution.

    Parameters: how many workers; the schedule; a factory of gates; ``alike`` when all workers do
    the same, so that which of them starts first makes no difference and is not worth a decision;
    ``beyond`` chooses where the schedule has ended.

    ``holder`` has the turn. ``ticks`` counts whatever moves. ``astray`` are those that wait for
    something unknown, or for a child; ``uncontrolled`` counts how often it was the former. ``now``
    is in seconds, and moves on to the next timeout when nobody can go on otherwise. ``given_up``
    says why the execution ended early, and ``waits`` for what each waited then.

    ``is_served`` tells whether a server works for the holder, however long that takes, or keeps it for
    somebody (None: neither); ``outsiders`` whether anybody beside the workers could let one go on;
    ``on_stuck`` is told when nobody will: of the waiting workers, and of the one that gives up if one
    of them can.
    ``preempting`` is told of a worker and the step before which it loses its turn, by that worker.
    """

    def __init__(
        self,
        count: int,
        schedule: Schedule,
        gate: Callable[[], Gate],
        alike: bool,
        beyond: Beyond,
    ) -> None:
        self.states = [State(number) for number in range(count)]
        self.record = Record(count)
        self.holder: int | None = None
        self.ticks = 0
        self.astray: set[int] = set()
        self.uncontrolled = 0
        self.given_up: str | None = None
        self.waits: dict[int, str] = {}
        self.finished = False
        self.now = 0.0
        self.outsiders: Callable[[], bool] = lambda: False
        self.is_served: Callable[[], bool | None] = lambda: None
        self.on_stuck: Callable[[set[int], int | None], None] = lambda stuck, victim: None
        self.on_finished: Callable[[], None] = lambda: None
        self.preempting: Callable[[int, str], None] = lambda number, name: None
        self._schedule = schedule
        self._gate = gate
        self._alike = alike
        self._beyond = beyond
        self._timeouts = 0
        self._after = 0

    def execution(self) -> Execution:
        """What came of the schedule."""
        return self.record.execution(self._schedule, self.uncontrolled)

    # -- moving --------------------------------------------------------------------------------

    def moved(self) -> None:
        """A strand has come to a yield point: nobody waits in vain, then."""
        self.ticks += 1
        self._timeouts = 0

    def step(self, state: State, name: str) -> None:
        """A worker takes a step; raises ``Abandoned`` if there is no end to them."""
        if len(self.record.steps) >= MOST_STEPS:
            self.give_up(ENDLESS)
            self.raise_if_given_up()
        self.record.step(state, name)

    def has_come_to_rest(self) -> bool:
        """Whether all workers are done, and no more is awaited of what they have left running."""
        if not self._workers_are_done():
            return False
        self._after += 1
        left = [state for state in self.states if not state.done]
        return self._after > MOST_AFTER or not any(
            state.gates or state.number == self.holder for state in left
        )

    def end_segment(self, number: int, undone: bool = False) -> None:
        """Worker ``number`` has come as far as it can for now."""
        self.record.end_segment(self.states[number], undone)

    def came_back(self, number: int) -> bool:
        """A strand without the turn is back from where the guard could not follow.

        True if nobody has the turn, and it is this one that goes on.
        """
        self.astray.discard(number)
        return self.holder is None and self.pass_on(None, waking=number) == number

    def give(self, number: int) -> None:
        """Give the turn to one whose turn it is by nobody's decision."""
        self.record.give(number)
        self.holder = number
        self.open(number)

    def finish(self) -> None:
        """All is done: whoever is left is free."""
        self.finished = True
        self.holder = None
        self._open_all()
        self.on_finished()

    def give_up(self, why: str) -> None:
        """End the execution, for the first reason given: whoever waits for a turn unwinds."""
        if self.given_up is None:
            self.given_up = why
            self.waits = {s.number: s.wait.what for s in self.states if s.wait and not s.done}
        self._open_all()

    def raise_if_given_up(self) -> None:
        """Unwind whoever asks, if the execution was given up."""
        if self.given_up is not None:
            raise Abandoned(self.given_up)

    # -- deciding ------------------------------------------------------------------------------

    def pass_on(
        self,
        current: int | None,
        waking: int | None = None,
        name: str = "",
        last: State | None = None,
    ) -> int | None:
        """Decide who goes on, and wake them; None when nobody can just now.

        ``current`` has the turn, and ``waking`` is on its way: neither waits at a gate. ``name`` is
        the step that ``current`` is about to take, ``last`` who has had the turn and is done.
        """
        near = last or (None if current is None else self.states[current])
        able = in_line(self.states, self.astray, self._alike, near)
        if not able:
            return self._nobody()
        if near is not None and len(able) > 1:
            near.ran_out = False
        chosen = self._choose(able, able[0] != current, name)
        self.holder = chosen
        self.ticks += 1
        state = self.states[chosen]
        state.started, state.wait = True, None
        if chosen not in (current, waking):
            self.open(chosen)
        return chosen

    def look_again(self) -> None:
        """Whoever waits may have been let go on by somebody who tells nobody."""
        if in_line(self.states, self.astray, self._alike, None):
            self.pass_on(None)

    def _choose(self, able: tuple[int, ...], free: bool, name: str) -> int:
        if len(able) == 1:
            self.record.give(able[0], free)
            return able[0]
        index = self._choice(able, free)
        self.record.decide(able, index, free)
        if index and not free:
            self.preempting(able[0], name)
        return able[index]

    def _choice(self, able: tuple[int, ...], free: bool) -> int:
        place = len(self.record.decisions)
        if place >= len(self._schedule):
            return self._beyond(self.record.segments, able, free)
        wanted = self._schedule[place]
        return wanted if wanted < len(able) else 0

    # -- nobody can go on ----------------------------------------------------------------------

    def _nobody(self) -> int | None:
        self.holder = None
        if self._workers_are_done():
            self.finish()
            return None
        found = impasse(self.states, self.astray, len(self.record.steps))
        if found is None:
            return None
        return self._wake(found.victim) if found.retry else self._end_wait(found)

    def _end_wait(self, found: Impasse) -> int | None:
        """The wait of the victim ends in one way or another."""
        victim, stuck = found.victim, found.stuck
        until = victim.wait.until if victim.wait is not None else NEVER
        if not stuck and self.outsiders():
            victim.answer = Answer.IN_EARNEST
            return self._wake(victim)
        if until == NEVER:
            self.on_stuck(stuck, None)
            self.give_up(DEADLOCK)
            return None
        self._timeouts += 1
        if self._timeouts > MOST_STEPS:
            self.give_up(ENDLESS)
            return None
        self.now = max(self.now, until)
        self.on_stuck(stuck, victim.number)
        victim.answer, victim.ran_out = Answer.GIVE_UP, True
        return self._wake(victim)

    def _wake(self, state: State) -> int:
        """Let a blocked worker try again."""
        state.wait = None
        self.give(state.number)
        return state.number

    def _workers_are_done(self) -> bool:
        return all(state.done for state in self.states if not state.is_child)

    # -- gates ---------------------------------------------------------------------------------

    def gate(self, number: int) -> Gate:
        """A gate at which a strand of worker ``number`` is about to wait for its turn."""
        gate = self._gate()
        self.states[number].gates.append(gate)
        return gate

    def open(self, number: int) -> None:
        """Let the strands of worker ``number`` go on."""
        gates, self.states[number].gates = self.states[number].gates, []
        for gate in gates:
            gate.open()

    def _open_all(self) -> None:
        for state in self.states:
            self.open(state.number)

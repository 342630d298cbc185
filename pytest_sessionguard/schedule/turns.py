"""Turns: one worker runs at a time, and at each yield point it is decided who goes on.

Only the holder of the turn decides, so that what can be chosen never depends on timing. A worker
that cannot go on is *blocked*: it waits for something known, and is asked again when that is free.
One that waits for something unknown is *astray*: after a short quiet the turn goes on without it,
and it gets in line when it comes back.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from pytest_sessionguard.schedule.footprints import Notes
from pytest_sessionguard.schedule.states import Gate, State
from pytest_sessionguard.schedule.strategy import Decision, Execution, Schedule, Segment, Step
from pytest_sessionguard.schedule.waiting import NEVER, SPAWNER, Answer, Wait, deadlocked

DEADLOCK = "deadlock"
HANG = "hang"
ENDLESS = "endless"
MOST_STEPS = 100_000
"""Steps, and timeouts in a row, after which workers are taken to poll for ever."""


class Abandoned(BaseException):
    """The execution was given up: the worker unwinds. No ``except Exception`` may stop it."""


MOST_AFTER = 200
"""Steps that what the workers have left running may take when they are done."""

Beyond = Callable[[Sequence[Segment], tuple[int, ...], bool], int]
"""Chooses where the schedule has ended; see ``Strategy.beyond``."""


class Turns:
    """The turn of one execution.

    Parameters: how many workers; the schedule; a factory of gates; a lock for the guard's own
    bookkeeping; ``alike`` when all workers do the same, so that which of them starts first makes
    no difference and is not worth a decision; ``beyond`` chooses where the schedule has ended.

    ``now`` is in seconds, and moves on to the next timeout when nobody can go on otherwise.
    ``outsiders`` tells whether anybody beside the workers could let one go on; ``on_stuck`` is told
    when nobody will: of the waiting workers, and of the one that gives up if one of them can.
    ``preempting`` is told of a worker and the step before which it loses its turn, by that worker.
    """

    def __init__(
        self,
        count: int,
        schedule: Schedule,
        gate: Callable[[], Gate],
        lock: AbstractContextManager[object],
        alike: bool,
        beyond: Beyond = lambda segments, able, free: 0,
    ) -> None:
        self.states = [State(number) for number in range(count)]
        self.holder: int | None = None
        self.steps: list[Step] = []
        self.decisions: list[Decision] = []
        self.segments: list[Segment] = []
        self.notes = Notes(count)
        self.preempting: Callable[[int, str], None] = lambda number, name: None
        self.ticks = 0
        self.astray: set[int] = set()
        self.uncontrolled = 0
        self.given_up: str | None = None
        self.waits: dict[int, str] = {}
        self.finished = False
        self.now = 0.0
        self.outsiders: Callable[[], bool] = lambda: False
        self.on_stuck: Callable[[set[int], int | None], None] = lambda stuck, victim: None
        self.on_finished: Callable[[], None] = lambda: None
        self._timeouts = 0
        self._after = 0
        self._schedule = schedule
        self._gate = gate
        self._lock = lock
        self._alike = alike
        self._beyond = beyond
        self._begun: tuple[tuple[int, ...], int | None, bool] = ((), None, True)

    def execution(self) -> Execution:
        """What came of the schedule."""
        return Execution(
            self._schedule, tuple(self.steps), tuple(self.decisions), self.uncontrolled,
            tuple(self.segments), self.notes.renamed,
        )  # fmt: skip

    # -- called by the workers -------------------------------------------------------------

    def enter(self, number: int) -> None:
        """A worker is there and waits for its first turn."""
        with self._lock:
            self._raise_if_given_up()
            if self.holder == number:
                return
            gate = self._new_gate(number)
        self._wait_at(gate)

    def point(self, number: int, name: str) -> None:
        """A yield point: decide who goes on; returns when this worker has the turn again.

        At once when all workers are done: what they have left running is free. So is what an
        abandoned worker does to tidy up: its transaction may keep another one in its driver.
        """
        with self._lock:
            if self.finished or (self.given_up and isinstance(sys.exception(), Abandoned)):
                return
            self._raise_if_given_up()
            self.ticks += 1
            self._timeouts = 0
            if self._after and self._is_over():
                self._finish()
                return
            if len(self.steps) >= MOST_STEPS:
                self._give_up(ENDLESS)
                self._raise_if_given_up()
            state = self.states[number]
            if self.holder == number:
                self.steps.append(Step(state.root, state.named(name)))
                self._end_segment(number)
                if self._pass_on(number, name=name) == number:
                    return
            elif self._came_back(number):
                self.steps.append(Step(state.root, state.named(name)))
                return
            gate = self._new_gate(number)
        self._wait_at(gate)

    def wait(self, number: int, wait: Wait) -> Answer:
        """The worker cannot go on until ``wait.is_free()``; others do.

        ``IN_EARNEST`` also when the worker has no turn to give.
        """
        with self._lock:
            self._raise_if_given_up()
            self.ticks += 1
            state = self.states[number]
            if self.finished or (self.holder != number and not state.is_child):
                return Answer.IN_EARNEST
            state.wait, state.answer, state.tried = wait, Answer.AGAIN, len(self.steps)
            gate = self._new_gate(number)
            if self.holder != number:
                self.astray.discard(number)
                if self.holder is None:
                    self._pass_on(None)
            else:
                self._end_segment(number, wait.undone)
                if self._pass_on(number) == number:
                    self._open(number)
        self._wait_at(gate)
        return state.answer

    def come_back(self, number: int) -> None:
        """The worker's server has answered; returns when it has the turn (again)."""
        with self._lock:
            self._raise_if_given_up()
            self.ticks += 1
            state = self.states[number]
            if not state.abroad:
                return
            state.abroad, state.wait = False, None
            if self.holder == number:
                return
            if self.holder is None and self._pass_on(None, waking=number) == number:
                return
            gate = self._new_gate(number)
        self._wait_at(gate)

    def released(self, number: int) -> None:
        """The worker has let go of a lock.

        Nobody has to be asked, except after a timeout: who takes the lock again at once, and waits
        again, would keep whoever waits for it from ever getting it.
        """
        if self.holder == number and self.states[number].ran_out:
            self.point(number, "release")

    def _wait_at(self, gate: Gate) -> None:
        """Without the lock: whoever has it opens the gate."""
        gate.wait()
        self._raise_if_given_up()

    def leave(self, number: int) -> None:
        """The worker has done its work, or its child has."""
        with self._lock:
            self.ticks += 1
            state = self.states[number]
            state.done = True
            self.astray.discard(number)
            if self.holder == number:
                self._end_segment(number)
                self.holder = None
            if self._is_over():
                self._finish()
            elif self.holder is None and not self._given_back(state):
                self._pass_on(None, last=state)

    def join(self, parent: int, waits: bool = False) -> int:
        """A strand that ``parent`` has started takes turns of its own; its number.

        It ``waits`` for its first turn, or else runs just now, and gets in line.
        """
        with self._lock:
            state = State(len(self.states), self.states[parent])
            state.started = not waits
            self.states.append(state)
            self.notes.add()
            return state.number

    def hand_over(self, number: int, alone: bool = False) -> None:
        """Whoever has the turn waits for its child ``number``, which gets it meanwhile.

        ``alone`` when it waits for no other child.
        """
        with self._lock:
            state, lender = self.states[number], self.holder
            if lender is None or lender == number or state.done or number in self.astray:
                return
            if state.wait is not None and not state.wait.is_free():
                return
            self._end_segment(lender)
            self.astray.add(lender)
            state.lender, state.alone, state.started, state.wait = lender, alone, True, None
            self._give(state)

    def _given_back(self, child: State) -> bool:
        """Whether the turn went back to who waited for a child, and for no other one."""
        lender = child.lender
        if lender is None or lender not in self.astray:
            return False
        siblings = [s for s in self.states if s.root == child.root and s.is_child and s.gates]
        if child.alone:
            siblings = []
        for sibling in siblings:
            sibling.lender = lender
        if siblings:
            return False
        self.astray.discard(lender)
        self._give(self.states[lender])
        return True

    def _give(self, state: State) -> None:
        """Give the turn to one whose turn it is by nobody's decision."""
        self._begun = ((state.number,), None, True)
        self.holder = state.number
        self._open(state.number)

    def _workers_are_done(self) -> bool:
        return all(state.done for state in self.states if not state.is_child)

    def _is_over(self) -> bool:
        """Whether all workers are done, and what they left running has come to rest."""
        if not self._workers_are_done():
            return False
        self._after += 1
        left = [state for state in self.states if not state.done]
        return self._after > MOST_AFTER or not any(
            state.gates or state.number == self.holder for state in left
        )

    def _finish(self) -> None:
        self.finished = True
        self.holder = None
        self._open_all()
        self.on_finished()

    # -- called by whoever watches over them -------------------------------------------------

    def begin(self) -> None:
        """Give out the first turn."""
        with self._lock:
            self._pass_on(None)

    def let_astray(self, certain: bool = False, ticks: int | None = None) -> bool:
        """The holder is waiting for something unknown: others go on. Whether there was one.

        ``certain`` when it can only be for one of them, so that no time will tell. Nothing is done
        if anything has moved since ``ticks`` was read: a decision may have been under way, which
        takes its time where a server has to be asked.
        """
        with self._lock:
            if self.finished or self.given_up is not None:
                return False
            if ticks not in (None, self.ticks):
                return False
            if self.holder is None:
                self._look_again()
                return False
            self._end_segment(self.holder)
            self.astray.add(self.holder)
            self.uncontrolled += not certain
            self.holder = None
            self._pass_on(None)
            return True

    def go_abroad(self, number: int, wait: Wait) -> None:
        """The holder is kept by its server, for what ``wait`` says: others go on."""
        with self._lock:
            if self.holder != number or wait.is_free() or self.given_up is not None:
                return
            self.ticks += 1
            state = self.states[number]
            state.wait, state.abroad = wait, True
            self._end_segment(number)
            self.holder = None
            self._pass_on(None)

    def is_finished(self) -> bool:
        """Whether every worker has done its work."""
        return self.finished

    def give_up(self, why: str) -> None:
        """End the execution: whoever waits for a turn unwinds."""
        with self._lock:
            self._give_up(why)

    # -- with the lock held ------------------------------------------------------------------

    def _new_gate(self, number: int) -> Gate:
        gate = self._gate()
        self.states[number].gates.append(gate)
        return gate

    def _raise_if_given_up(self) -> None:
        if self.given_up is not None:
            raise Abandoned(self.given_up)

    def _came_back(self, number: int) -> bool:
        """A strand without the turn is back from where the guard could not follow.

        True if nobody has the turn, and it is this one that goes on.
        """
        self.astray.discard(number)
        return self.holder is None and self._pass_on(None, waking=number) == number

    def _end_segment(self, number: int, undone: bool = False) -> None:
        footprint = self.notes.close(number, undone)
        line = self.states[number].line
        self.segments.append(Segment(number, *self._begun, footprint, undone, 0, line))

    def _pass_on(
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
        able = self._able(current, last)
        if not able:
            return self._nobody()
        free = able[0] != current
        if len(able) == 1:
            index = 0
            self._begun = (able, None, free)
        else:
            index = self._choice(able, free)
            self._begun = (able, len(self.decisions), free)
            self.decisions.append(Decision(len(self.steps), able, index, free))
        chosen = able[index]
        if index and not free:
            self.preempting(able[0], name)
        self.holder = chosen
        self.ticks += 1
        state = self.states[chosen]
        state.started, state.wait = True, None
        if chosen not in (current, waking):
            self._open(chosen)
        return chosen

    def _choice(self, able: tuple[int, ...], free: bool) -> int:
        place = len(self.decisions)
        if place >= len(self._schedule):
            return self._beyond(self.segments, able, free)
        wanted = self._schedule[place]
        return wanted if wanted < len(able) else 0

    def _able(self, current: int | None, last: State | None = None) -> tuple[int, ...]:
        able = []
        unstarted = 0
        for state in self.states:
            if state.done or state.number in self.astray:
                continue
            if state.wait is not None and not state.wait.is_free():
                continue
            if not state.started and not state.is_child:
                unstarted += 1
                if self._alike and unstarted > 1:
                    continue
            able.append(state.number)
        self._sort(able, current, last or (None if current is None else self.states[current]))
        return tuple(able)

    def _sort(self, able: list[int], current: int | None, last: State | None) -> None:
        """Whoever has the turn first; but last if its patience ran out while another waited.

        Then the children of the same worker, which have no turn of their own to wait for.
        """
        polite = len(able) > 1 and current is not None and self.states[current].ran_out
        if polite and current is not None:
            self.states[current].ran_out = False
        near = None if last is None else last.root
        able.sort(
            key=lambda number: (
                (number != current) is not polite, self.states[number].root != near, number
            )
        )  # fmt: skip

    def _look_again(self) -> None:
        """Whoever waits may have been let go on by somebody who tells nobody."""
        if self._able(None):
            self._pass_on(None)

    def _nobody(self) -> int | None:
        self.holder = None
        if self._workers_are_done():
            self._finish()
            return None
        waiting = [state for state in self.states if state.wait is not None and not state.done]
        stuck = self._deadlocked(waiting)
        if not stuck and self.astray:
            return None  # one of them will come back
        concerned = [state for state in waiting if state.number in stuck] or waiting
        concerned = [state for state in concerned if not state.abroad]
        if not concerned:
            return None  # the server lets one of them go on, or refuses one of a cycle
        for state in concerned:
            if state.tried < len(self.steps):
                return self._wake(state)  # a reader may have let go without a word
        return self._end_wait(min(concerned, key=_patience), stuck)

    def _deadlocked(self, waiting: list[State]) -> set[int]:
        holders = {state.number: state.wait.holders() for state in waiting if state.wait}
        return deadlocked(holders, {SPAWNER, *(s.number for s in self.states if s.done)})

    def _end_wait(self, victim: State, stuck: set[int]) -> int | None:
        """Nobody can go on, so the wait of ``victim`` ends in one way or another."""
        until = victim.wait.until if victim.wait is not None else NEVER
        if not stuck and self.outsiders():
            victim.answer = Answer.IN_EARNEST
            return self._wake(victim)
        if until == NEVER:
            self.on_stuck(stuck, None)
            self._give_up(DEADLOCK)
            return None
        self._timeouts += 1
        if self._timeouts > MOST_STEPS:
            self._give_up(ENDLESS)
            return None
        self.now = max(self.now, until)
        self.on_stuck(stuck, victim.number)
        victim.answer, victim.ran_out = Answer.GIVE_UP, True
        return self._wake(victim)

    def _wake(self, state: State) -> int:
        """Let a blocked worker try again."""
        state.wait = None
        self._begun = ((state.number,), None, True)
        self.holder = state.number
        self._open(state.number)
        return state.number

    def _give_up(self, why: str) -> None:
        if self.given_up is None:
            self.given_up = why
            self.waits = {s.number: s.wait.what for s in self.states if s.wait and not s.done}
        self._open_all()

    def _open_all(self) -> None:
        for state in self.states:
            self._open(state.number)

    def _open(self, number: int) -> None:
        gates, self.states[number].gates = self.states[number].gates, []
        for gate in gates:
            gate.open()


def _patience(state: State) -> tuple[bool, float, int]:
    """Whose wait ends first: by its timeout, and a COMMIT's after those of what holds it up."""
    wait = state.wait
    assert wait is not None  # asked of those that wait
    return wait.last, wait.until, state.number

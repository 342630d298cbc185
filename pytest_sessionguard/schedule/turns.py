"""Turns: one worker runs at a time, and at each yield point it is decided who goes on.

Only the holder of the turn decides, so that what can be chosen never depends on timing. A worker
that cannot go on is *blocked*: it waits for something known, and is asked again when that is free.
One that waits for something unknown is *astray*: after a short quiet the turn goes on without it,
and it gets in line when it comes back.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager

from pytest_sessionguard.schedule.states import Gate, State
from pytest_sessionguard.schedule.strategy import Schedule
from pytest_sessionguard.schedule.turn import Abandoned, Beyond, Turn
from pytest_sessionguard.schedule.waiting import Answer, Wait


class Turns:
    """What the workers of one execution, and whoever watches over them, tell of the turn.

    Parameters: ``lock`` is for the guard's own bookkeeping; the others are those of ``Turn``.
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
        self.turn = Turn(count, schedule, gate, alike, beyond)
        self._lock = lock

    # -- called by the workers -------------------------------------------------------------

    def enter(self, number: int) -> None:
        """A worker is there and waits for its first turn."""
        turn = self.turn
        with self._lock:
            turn.raise_if_given_up()
            if turn.holder == number:
                return
            gate = turn.gate(number)
        self._wait_at(gate)

    def point(self, number: int, name: str) -> None:
        """A yield point: decide who goes on; returns when this worker has the turn again.

        At once when all workers are done: what they have left running is free. So is what an
        abandoned worker does to tidy up: its transaction may keep another one in its driver.
        """
        turn = self.turn
        with self._lock:
            if turn.finished or (turn.given_up and isinstance(sys.exception(), Abandoned)):
                return
            turn.raise_if_given_up()
            turn.moved()
            if turn.has_come_to_rest():
                turn.finish()
                return
            if self._goes_on(turn.states[number], name):
                return
            gate = turn.gate(number)
        self._wait_at(gate)

    def _goes_on(self, state: State, name: str) -> bool:
        """Whether a strand that has come to a yield point may take the step, and goes on at once."""
        turn, number = self.turn, state.number
        if turn.holder == number:
            turn.step(state, name)
            turn.end_segment(number)
            return turn.pass_on(number, name=name) == number
        if turn.came_back(number):
            turn.step(state, name)
            return True
        return False

    def wait(self, number: int, wait: Wait) -> Answer:
        """The worker cannot go on until ``wait.is_free()``; others do.

        ``IN_EARNEST`` also when the worker has no turn to give.
        """
        turn, state = self.turn, self.turn.states[number]
        with self._lock:
            turn.raise_if_given_up()
            turn.ticks += 1
            if turn.finished or (turn.holder != number and not state.is_child):
                return Answer.IN_EARNEST
            state.begin_wait(wait, len(turn.record.steps))
            gate = turn.gate(number)
            if turn.holder == number:
                turn.end_segment(number, wait.undone)
                if turn.pass_on(number) == number:
                    turn.open(number)
            else:
                turn.astray.discard(number)
                if turn.holder is None:
                    turn.pass_on(None)
        self._wait_at(gate)
        return state.answer

    def come_back(self, number: int) -> None:
        """The worker's server has answered; returns when it has the turn (again)."""
        turn, state = self.turn, self.turn.states[number]
        with self._lock:
            turn.raise_if_given_up()
            turn.ticks += 1
            if not state.abroad:
                return
            state.abroad, state.wait = False, None
            if turn.holder == number:
                return
            if turn.holder is None and turn.pass_on(None, waking=number) == number:
                return
            gate = turn.gate(number)
        self._wait_at(gate)

    def released(self, number: int) -> None:
        """The worker has let go of a lock.

        Nobody has to be asked, except after a timeout: who takes the lock again at once, and waits
        again, would keep whoever waits for it from ever getting it.
        """
        if self.turn.holder == number and self.turn.states[number].ran_out:
            self.point(number, "release")

    def leave(self, number: int) -> None:
        """The worker has done its work, or its child has."""
        turn, state = self.turn, self.turn.states[number]
        with self._lock:
            turn.ticks += 1
            state.done = True
            turn.astray.discard(number)
            if turn.holder == number:
                turn.end_segment(number)
                turn.holder = None
            if turn.has_come_to_rest():
                turn.finish()
            elif turn.holder is None and not self._given_back(state):
                turn.pass_on(None, last=state)

    def _wait_at(self, gate: Gate) -> None:
        """Without the lock: whoever has it opens the gate."""
        gate.wait()
        self.turn.raise_if_given_up()

    # -- children of workers -----------------------------------------------------------------

    def join(self, parent: int, waits: bool = False) -> int:
        """A strand that ``parent`` has started takes turns of its own; its number.

        It ``waits`` for its first turn, or else runs just now, and gets in line.
        """
        turn = self.turn
        with self._lock:
            state = State(len(turn.states), turn.states[parent])
            state.started = not waits
            turn.states.append(state)
            turn.record.notes.add()
            return state.number

    def hand_over(self, number: int, alone: bool = False) -> None:
        """Whoever has the turn waits for its child ``number``, which gets it meanwhile.

        ``alone`` when it waits for no other child.
        """
        turn, state = self.turn, self.turn.states[number]
        with self._lock:
            lender = turn.holder
            if lender is None or lender == number or number in turn.astray:
                return
            if not state.can_go_on():
                return
            turn.end_segment(lender)
            turn.astray.add(lender)
            state.lender, state.alone, state.started, state.wait = lender, alone, True, None
            turn.give(number)

    def _given_back(self, child: State) -> bool:
        """Whether the turn went back to who waited for a child, and for no other one."""
        turn, lender = self.turn, child.lender
        if lender is None or lender not in turn.astray:
            return False
        siblings = [s for s in turn.states if s.root == child.root and s.is_child and s.gates]
        if siblings and not child.alone:
            for sibling in siblings:
                sibling.lender = lender
            return False
        turn.astray.discard(lender)
        turn.give(lender)
        return True

    # -- called by whoever watches over them -------------------------------------------------

    def begin(self) -> None:
        """Give out the first turn."""
        with self._lock:
            self.turn.pass_on(None)

    def let_astray(self, certain: bool = False, ticks: int | None = None) -> bool:
        """The holder is waiting for something unknown: others go on. Whether there was one.

        ``certain`` when it can only be for one of them, so that no time will tell. Nothing is done
        if anything has moved since ``ticks`` was read: a decision may have been under way, which
        takes its time where a server has to be asked.
        """
        turn = self.turn
        with self._lock:
            if self.is_over() or ticks not in (None, turn.ticks):
                return False
            if turn.holder is None:
                turn.look_again()
                return False
            turn.end_segment(turn.holder)
            turn.astray.add(turn.holder)
            turn.uncontrolled += not certain
            turn.holder = None
            turn.pass_on(None)
            return True

    def go_abroad(self, number: int, wait: Wait) -> None:
        """The holder is kept by its server, for what ``wait`` says: others go on."""
        turn, state = self.turn, self.turn.states[number]
        with self._lock:
            if turn.holder != number or wait.is_free() or turn.given_up is not None:
                return
            turn.ticks += 1
            state.wait, state.abroad = wait, True
            turn.end_segment(number)
            turn.holder = None
            turn.pass_on(None)

    def is_finished(self) -> bool:
        """Whether every worker has done its work."""
        return self.turn.finished

    def is_over(self) -> bool:
        """Whether they have, or the execution was given up."""
        return self.turn.finished or self.turn.given_up is not None

    def give_up(self, why: str) -> None:
        """End the execution: whoever waits for a turn unwinds."""
        with self._lock:
            self.turn.give_up(why)

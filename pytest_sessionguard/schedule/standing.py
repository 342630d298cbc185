"""Who stands in line for the turn, in which order, and what is left when nobody does."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pytest_sessionguard.schedule.states import State
from pytest_sessionguard.schedule.waiting import SPAWNER, deadlocked


@dataclass(frozen=True, slots=True)
class Impasse:
    """Nobody can go on: the wait of ``victim`` ends first.

    ``stuck`` are the workers that only each other could let go on. ``retry``: something has happened
    since the victim last tried, so that it may be free by now.
    """

    victim: State
    stuck: set[int]
    retry: bool


def in_line(
    states: Sequence[State], astray: Collection[int], alike: bool, near: State | None
) -> tuple[int, ...]:
    """The numbers of those that could have the turn now; the plain choice is the first.

    ``near`` has the turn, or had it last: it comes first, and then its worker's other children,
    which have no turn of their own to wait for. If its patience ran out while another waited, it
    comes last. Of workers that are all ``alike``, only one can begin.
    """
    able: list[State] = []
    beginners = 0
    for state in states:
        if state.number in astray or not state.can_go_on():
            continue
        if not state.started and not state.is_child:
            beginners += 1
            if alike and beginners > 1:
                continue
        able.append(state)
    polite = near is not None and near.ran_out
    root = None if near is None else near.root
    able.sort(key=lambda state: ((state is not near) is not polite, state.root != root))
    return tuple(state.number for state in able)


def impasse(states: Sequence[State], astray: Collection[int], steps: int) -> Impasse | None:
    """What to do when nobody stands in line; None when somebody will come back by himself.

    ``steps`` is how many have been taken. A reader may have let go of SQLite's lock without a word,
    so whoever has not tried since the last step does. Whoever is abroad is its server's to end.
    """
    waiting = [state for state in states if state.wait is not None and not state.done]
    stuck = _stuck(states, waiting)
    if not stuck and astray:
        return None
    concerned = [state for state in waiting if state.number in stuck] or waiting
    concerned = [state for state in concerned if not state.abroad]
    if not concerned:
        return None
    for state in concerned:
        if state.tried < steps:
            return Impasse(state, stuck, retry=True)
    return Impasse(min(concerned, key=_patience), stuck, retry=False)


def _stuck(states: Sequence[State], waiting: Sequence[State]) -> set[int]:
    holders = {state.number: state.wait.holders() for state in waiting if state.wait}
    return deadlocked(holders, {SPAWNER, *(state.number for state in states if state.done)})


def _patience(state: State) -> tuple[bool, float, int]:
    """Whose wait ends first: by its timeout, and a COMMIT's after those of what holds it up."""
    wait = state.wait
    assert wait is not None  # asked of those that wait
    return wait.last, wait.until, state.number

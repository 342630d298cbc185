"""Tiny programs whose steps touch things, and what their searches find."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

from pytest_sessionguard.schedule.races import class_of
from pytest_sessionguard.schedule.strategy import Base, Execution, Strategy
from pytest_sessionguard.schedule.turn import DEADLOCK
from pytest_sessionguard.schedule.waiting import Answer
from unit.turning import Table, Work, Worker

Act = Callable[[Worker, "Shared"], None]


class Shared:
    """What the workers of one execution share: cells, locks, and what everybody has seen."""

    def __init__(self) -> None:
        self.cells: dict[str, tuple[int, int]] = {}
        self.seen: list[tuple[int, str, object]] = []
        self.held: dict[str, int] = {}
        self.taken: dict[str, int] = {}
        self.counts: dict[int, int] = {}


def read(name: str) -> Act:
    """Look at a cell."""

    def act(worker: Worker, shared: Shared) -> None:
        worker.notes.read(worker.number, name)
        shared.seen.append((worker.number, name, shared.cells.get(name)))

    return act


def write(name: str) -> Act:
    """Look at a cell and put something else there."""

    def act(worker: Worker, shared: Shared) -> None:
        worker.notes.write(worker.number, name)
        shared.seen.append((worker.number, name, shared.cells.get(name)))
        count = shared.counts[worker.number] = shared.counts.get(worker.number, 0) + 1
        shared.cells[name] = (worker.number, count)

    return act


def take(name: str) -> Act:
    """Take a lock, as SQLite's writer does: an attempt that fails leaves no trace."""

    def act(worker: Worker, shared: Shared) -> None:
        worker.notes.take(worker.number, name)
        while name in shared.held:
            assert worker.wait(lambda: name not in shared.held, undone=True) is Answer.AGAIN
        shared.held[name] = worker.number

    return act


def drop(name: str) -> Act:
    """Let go of a lock."""

    def act(worker: Worker, shared: Shared) -> None:
        worker.notes.drop(worker.number, name)
        del shared.held[name]

    return act


def get(name: str, size: int, told: bool = True) -> Act:
    """Get a slot of a pool; not ``told`` that it was wanted when it had to be waited for."""

    def act(worker: Worker, shared: Shared) -> None:
        notes, number = worker.notes, worker.number
        if told:
            notes.write(number, name)
        while shared.taken.get(name, 0) == size:
            worker.wait(lambda: shared.taken.get(name, 0) < size)
        notes.write(number, name)
        shared.taken[name] = shared.taken.get(name, 0) + 1

    return act


def put(name: str) -> Act:
    """Give a slot back."""

    def act(worker: Worker, shared: Shared) -> None:
        worker.notes.write(worker.number, name)
        shared.taken[name] -= 1

    return act


Script = Sequence[Sequence[Act]]
"""A worker's segments, each with what it does."""


def doing(script: Script, shared: Shared) -> Work:
    def work(worker: Worker) -> None:
        for segment in script:
            worker.point()
            for act in segment:
                act(worker, shared)

    return work


def drawn(dice: random.Random, steps: int, cells: str, locks: bool) -> list[list[Act]]:
    """What one worker does, step by step."""
    count = dice.randint(1, steps)
    script: list[list[Act]] = [
        [dice.choice((read, write))(dice.choice(cells)) for _ in range(dice.choice((0, 1, 1, 2)))]
        for _ in range(count)
    ]
    if locks and dice.random() < 0.7:
        first, last = sorted((dice.randrange(count), dice.randrange(count)))
        script[first].insert(0, take("L"))
        script[last].append(drop("L"))
    return script


def program(seed: int) -> tuple[list[Script], bool]:
    """Workers drawn by chance, and whether they are alike."""
    dice = random.Random(seed)
    workers, steps = dice.choice(((2, 4), (2, 4), (3, 2)))
    cells, locks = "abcd"[: dice.randint(1, 4)], dice.random() < 0.5
    if dice.random() < 0.3:
        return [drawn(dice, steps, cells, locks)] * workers, True
    return [drawn(dice, steps, cells, locks) for _ in range(workers)], False


class Searched(NamedTuple):
    """Of a whole search: executions, classes, and outcomes (what everybody saw, worker by worker)."""

    executions: int
    classes: set[int]
    outcomes: set[object]


def outcome(shared: Shared) -> object:
    workers = {number for number, _, _ in shared.seen}
    seen = [tuple(each for each in shared.seen if each[0] == worker) for worker in sorted(workers)]
    return (tuple(seen), tuple(sorted(shared.cells.items())))


def search(
    strategy: Strategy,
    *scripts: Script,
    alike: bool = False,
    most: int = 20000,
    stop_after: int = 0,
) -> Searched:
    """Run a search to its end, or so many executions of it."""
    classes, outcomes, count = set(), set(), 0
    while not (stop_after and count >= stop_after) and (schedule := strategy.next()) is not None:
        shared = Shared()
        table = Table(
            *(doing(script, shared) for script in scripts),
            schedule=schedule,
            alike=alike,
            beyond=lambda *seen: strategy.beyond(Base(), *seen),
        )
        execution: Execution = table.run()
        assert table.turns.is_finished() or table.turn.given_up == DEADLOCK
        strategy.ran(execution)
        classes.add(class_of(execution.segments))
        outcomes.add((outcome(shared), table.turn.given_up))
        count += 1
        assert count < most, "no end"
    return Searched(count, classes, outcomes)

"""Tiny programs whose steps touch things, and what their searches find."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from pytest_sessionguard.schedule.races import class_of
from pytest_sessionguard.schedule.strategy import Base, Execution, Strategy
from pytest_sessionguard.schedule.waiting import Answer
from unit.turning import Table, Work, Worker

Act = Callable[[Worker, "Shared"], None]


class Shared:
    """What the workers of one execution share: cells, locks, and what everybody has seen."""

    def __init__(self) -> None:
        self.cells: dict[str, tuple[int, int]] = {}
        self.seen: list[tuple[int, str, object]] = []
        self.held: dict[str, int] = {}
        self.counts: dict[int, int] = {}


def read(name: str) -> Act:
    """Look at a cell."""

    def act(worker: Worker, shared: Shared) -> None:
        worker.turns.notes.read(worker.number, name)
        shared.seen.append((worker.number, name, shared.cells.get(name)))

    return act


def write(name: str) -> Act:
    """Look at a cell and put something else there."""

    def act(worker: Worker, shared: Shared) -> None:
        worker.turns.notes.write(worker.number, name)
        shared.seen.append((worker.number, name, shared.cells.get(name)))
        count = shared.counts[worker.number] = shared.counts.get(worker.number, 0) + 1
        shared.cells[name] = (worker.number, count)

    return act


def take(name: str) -> Act:
    """Take a lock, as SQLite's writer does: an attempt that fails leaves no trace."""

    def act(worker: Worker, shared: Shared) -> None:
        worker.turns.notes.take(worker.number, name)
        while name in shared.held:
            assert worker.wait(lambda: name not in shared.held, undone=True) is Answer.AGAIN
        shared.held[name] = worker.number

    return act


def drop(name: str) -> Act:
    """Let go of a lock."""

    def act(worker: Worker, shared: Shared) -> None:
        worker.turns.notes.drop(worker.number, name)
        del shared.held[name]

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
        assert table.turns.is_finished()
        assert table.turns.given_up is None
        strategy.ran(execution)
        classes.add(class_of(execution.segments))
        outcomes.add(outcome(shared))
        count += 1
        assert count < most, "no end"
    return Searched(count, classes, outcomes)

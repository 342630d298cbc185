"""Runs ``Turns`` without threads: each worker is a greenlet, and the test is the one that switches.

Nothing here waits in earnest, so that a test of an order takes no time and never differs.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, NamedTuple

from greenlet import getcurrent, greenlet

from pytest_sessionguard.schedule.footprints import Notes
from pytest_sessionguard.schedule.strategy import Execution, Schedule
from pytest_sessionguard.schedule.turn import Abandoned, Beyond, Turn
from pytest_sessionguard.schedule.turns import Turns
from pytest_sessionguard.schedule.waiting import Answer, Wait

Work = Callable[["Worker"], object]


class FakeGate:
    """A greenlet that has switched back to the test until the gate is opened."""

    def __init__(self, ready: list[greenlet]) -> None:
        self._greenlet = getcurrent()
        self._ready = ready
        self._opened = False
        self._waits = False

    def open(self) -> None:
        assert not self._opened, "a gate is opened once"
        self._opened = True
        if self._waits:
            self._ready.append(self._greenlet)

    def wait(self) -> None:
        if not self._opened:
            self._waits = True
            assert self._greenlet.parent is not None
            self._greenlet.parent.switch()
        assert self._opened


class Worker(NamedTuple):
    """What a worker's function is given: ``log`` has the number of whoever ran, part by part."""

    number: int
    turns: Turns
    log: list[int]

    @property
    def notes(self) -> Notes:
        return self.turns.turn.record.notes

    def point(self, name: str = "step") -> None:
        self.turns.point(self.number, name)
        self.log.append(self.number)

    def wait(self, is_free: Callable[[], bool], **kind: Any) -> Answer:
        return self.turns.wait(self.number, Wait("a thing", is_free, **kind))


class Table:
    """The workers of one execution, and who of them may run."""

    def __init__(
        self,
        *works: Work,
        schedule: Schedule = (),
        alike: bool = False,
        beyond: Beyond = lambda segments, able, free: 0,
    ) -> None:
        self.ready: list[greenlet] = []
        self.log: list[int] = []
        self.errors: dict[int, BaseException] = {}
        self.turns = Turns(
            len(works), schedule, lambda: FakeGate(self.ready), nullcontext(), alike, beyond
        )
        self._greenlets = [
            greenlet(self._runner(number, work)) for number, work in enumerate(works)
        ]

    @property
    def turn(self) -> Turn:
        return self.turns.turn

    def _runner(self, number: int, work: Work) -> Callable[[], None]:
        def run() -> None:
            try:
                self.turns.enter(number)
                self.log.append(number)
                work(Worker(number, self.turns, self.log))
            except Abandoned as error:
                self.errors[number] = error
            self.turns.leave(number)

        return run

    def start(self) -> None:
        for each in self._greenlets:
            each.switch()
        self.turns.begin()

    def go_on(self) -> None:
        """Let workers run until nobody can, or all have done their work."""
        while self.ready:
            self.ready.pop(0).switch()

    def run(self) -> Execution:
        self.start()
        self.go_on()
        return self.turn.execution()


def stepping(count: int) -> Work:
    """A worker that comes to ``count`` yield points."""

    def work(worker: Worker) -> None:
        for number in range(count):
            worker.point(f"step {number}")

    return work

"""The concurrent part of one execution: the workers' turns, hooks, clients and databases."""

from __future__ import annotations

import gc
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from pytest_sessionguard import clients
from pytest_sessionguard.backends import backend as backends
from pytest_sessionguard.backends import workers
from pytest_sessionguard.backends.conductor import Conductor, Preempted, Row
from pytest_sessionguard.concurrency import Concurrency
from pytest_sessionguard.events import Stack
from pytest_sessionguard.isolate.databases import Databases
from pytest_sessionguard.observe import Recorder, pool_waits, statements, waits
from pytest_sessionguard.observe.hooks import Hooks
from pytest_sessionguard.observe.slots import Slots
from pytest_sessionguard.reports.text import place
from pytest_sessionguard.schedule.strategy import Execution, Schedule
from pytest_sessionguard.schedule.turn import DEADLOCK, ENDLESS, Beyond
from pytest_sessionguard.schedule.turns import Turns

if TYPE_CHECKING:
    from pytest_sessionguard.backends.tasks import Tasks


class Job(NamedTuple):
    """What one worker does, and the things it is given: where a session in them comes from."""

    work: Callable[[], Any]
    things: list[Any]


class Part(NamedTuple):
    """What came of a concurrent part."""

    workers: int
    execution: Execution
    preempted: list[Preempted]
    rows: list[Row]


class Ordering:
    """What the workers need in place: hooks, databases, a collector that is quiet.

    Hooks that depend on no engine are placed once in a search, and do nothing between its executions.
    """

    def __init__(self, recorder: Recorder, databases: Databases, slots: Slots) -> None:
        self.recorder = recorder
        self._databases = databases
        self._slots = slots
        slots.forget()
        self._hooks = Hooks()
        self._placed = False

    @contextmanager
    def by(self, conductor: Conductor) -> Iterator[None]:
        """While the conductor orders workers.

        The collector is off: a connection that it gives back at a time of its own changes the order.
        """
        self._place()
        self._slots.begin()
        hooks, collecting = Hooks(), gc.isenabled()
        try:
            self._databases.share(hooks)
            gc.disable()
            self.recorder.scheduler = conductor
            yield
        finally:
            self.recorder.scheduler = None
            if collecting:
                gc.enable()
            hooks.remove()

    def _place(self) -> None:
        if not self._placed:
            self._placed = True
            statements.install(self.recorder, self._hooks)
            waits.install(self.recorder, self._hooks)
            pool_waits.install(self.recorder, self._hooks, self._slots)

    def end(self) -> None:
        """The search is over."""
        self._hooks.remove()


class Asked(NamedTuple):
    """What a concurrent part is to do: a job for each worker, in the order of a schedule.

    ``beyond`` chooses where the schedule has ended. ``spawned`` is the line that gives the jobs out;
    ``alike`` when all do the same; ``told`` when each step is to be noted with its line. ``done`` is
    told what came of it, before an exception of a worker is raised.
    """

    jobs: Sequence[Job]
    chosen: Concurrency
    schedule: Schedule
    beyond: Beyond
    ordering: Ordering
    spawned: Stack
    alike: bool
    told: bool
    done: Callable[[Part], None]


def run(asked: Asked) -> list[Any]:
    """Run the jobs, one worker each; their results.

    An exception of a worker is raised as it is, several as a group. Raises ``pytest.fail.Exception``
    when the workers do not come to an end.
    """
    backend = backends.make(backends.chosen(asked.chosen.backend))
    turns = _turns(asked, backend)
    conductor = Conductor(
        asked.ordering.recorder, turns, asked.told, settle=backend.settle_here, call=backend.call
    )
    with asked.ordering.by(conductor):
        ran = workers.run(
            [_worker(conductor, number, job.work) for number, job in enumerate(asked.jobs)],
            backend,
            turns,
            _beginning(conductor, backend.kind, asked),
            partial(_place, asked.ordering.recorder),
            asked.chosen.timeout,
        )
    return _results(ran, conductor, asked)


async def run_async(asked: Asked) -> list[Any]:
    """The same for jobs that are awaited: their workers are tasks of the loop that runs now."""
    from pytest_sessionguard.backends import loop, tasks

    recorder = asked.ordering.recorder
    backend = tasks.Tasks(recorder.strands.unordered)
    turns = _turns(asked, backend)
    conductor = Conductor(
        recorder, turns, asked.told, backend.can_wait, backend.settle_here, backend.call
    )
    backend.kept = conductor.journeys.tasks
    with asked.ordering.by(conductor):
        ran = await loop.run(
            [_async_worker(conductor, number, job.work) for number, job in enumerate(asked.jobs)],
            backend,
            turns,
            _beginning(conductor, backend.kind, asked),
            partial(_place, recorder),
            asked.chosen.timeout,
        )
    return _results(ran, conductor, asked)


def _turns(asked: Asked, backend: backends.Backend | Tasks) -> Turns:
    return Turns(
        len(asked.jobs), asked.schedule, backend.gate, backend.lock(), asked.alike, asked.beyond
    )


def _beginning(conductor: Conductor, kind: str, asked: Asked) -> Callable[[int, Any], None]:
    def begin(number: int, runner: Any) -> None:
        conductor.begin(kind, number, runner, asked.spawned, asked.jobs[number].things)

    return begin


def _place(recorder: Recorder, *frames: Any) -> str:
    """The user's nearest line of some frames, innermost first, in words."""
    nearest = recorder.frames.nearest
    found = next(filter(None, map(nearest, frames)), None) or recorder.frames.library(frames[0])
    return place(found[0]) if found else "?"


def _results(ran: workers.Ran, conductor: Conductor, asked: Asked) -> list[Any]:
    conductor.join()
    asked.done(Part(len(ran.outcomes), ran.execution, conductor.preempted, conductor.rows))
    if conductor.forked:
        pytest.fail(FORKED.format(site=conductor.forked[0]), pytrace=False)
    if ran.stuck == DEADLOCK:  # nobody had to be asked where it was: each had said so itself
        places = {number: place(site) for number, site in conductor.places().items()}
        ran = ran._replace(places={number: places.get(number, "?") for number in ran.waits})
    _raise(ran, asked.chosen.timeout)
    return [outcome.result for outcome in ran.outcomes]


def _worker(conductor: Conductor, number: int, work: Callable[[], Any]) -> Callable[[], Any]:
    def worker() -> Any:
        conductor.enter(number)
        try:
            with clients.own_context():
                return work()
        finally:
            conductor.land()
            conductor.leave(number)

    return worker


def _async_worker(
    conductor: Conductor, number: int, work: Callable[[], Any]
) -> Callable[[], Coroutine[Any, Any, Any]]:
    from pytest_sessionguard.backends.tasks import bridged

    async def worker() -> Any:
        conductor.enter(number)
        try:
            with clients.own_context():
                return await work()
        finally:
            if conductor.journeys.kept:
                await bridged(conductor.land)
            conductor.leave(number)

    return worker


def _raise(ran: workers.Ran, timeout: float) -> None:
    errors = [outcome.error for outcome in ran.outcomes if outcome.error is not None]
    for error in errors:
        if isinstance(error, KeyboardInterrupt | SystemExit | pytest.exit.Exception):
            raise error
    if ran.stuck is not None:
        pytest.fail(_stuck(ran, timeout), pytrace=False)
    if len(errors) == 1 or (errors and all(_is_outcome(error) for error in errors)):
        raise errors[0]
    if errors:
        text = f"{len(errors)} of {len(ran.outcomes)} workers failed"
        raise BaseExceptionGroup(text, errors)


def _is_outcome(error: BaseException) -> bool:
    """``pytest.skip`` and ``pytest.xfail``, or a wrong call: said by all workers, said once."""
    return isinstance(error, pytest.skip.Exception | pytest.xfail.Exception | pytest.UsageError)


def _stuck(ran: workers.Ran, timeout: float) -> str:
    why = _REASONS.get(ran.stuck or "", "nothing moved for {timeout:g} s").format(timeout=timeout)
    lines = [f"sessionguard: the workers do not come to an end: {why}"]
    for number, outcome in enumerate(ran.outcomes):
        place = ran.places.get(number, "it has ended")
        wait = f", waits for {ran.waits[number]}" if number in ran.waits else ""
        lost = ", and has not come back since" if outcome.lost else ""
        lines.append(f"  worker {number}: {place}{wait}{lost}")
    lines.append("  a test that needs longer says so: concurrent_sessions(timeout=SECONDS)")
    return "\n".join(lines)


_REASONS = {
    DEADLOCK: "each waits for another",
    ENDLESS: "they go on and on, as if they asked for something that never comes",
}
FORKED = (
    "sessionguard: a worker starts a process ({site.path}:{site.line} in {site.function}), and what "
    "a process does cannot be put in an order; let the workers call what it would run"
)

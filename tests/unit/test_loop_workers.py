"""Workers that are tasks: one runs at a time, and whoever waits for another gives the turn away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from typing import Any

from pytest_sessionguard.backends import loop
from pytest_sessionguard.backends.tasks import Tasks, bridged, waits_for_another
from pytest_sessionguard.backends.workers import Ran
from pytest_sessionguard.schedule.strategy import Schedule
from pytest_sessionguard.schedule.turn import HANG
from pytest_sessionguard.schedule.turns import Turns

Point = Callable[[str], Awaitable[None]]
Work = Callable[[Point], Awaitable[Any]]


def run(*works: Work, schedule: Schedule = (), timeout: float = 5.0) -> Ran:
    """Run the works as workers of one execution; each is given a function that is a yield point."""

    async def body() -> Ran:
        backend = Tasks(nullcontext)
        turns = Turns(len(works), schedule, backend.gate, backend.lock(), alike=False)

        def worker(number: int) -> Callable[[], Any]:
            async def point(name: str) -> None:
                await bridged(turns.point, number, name)

            return lambda: works[number](point)

        made = [worker(number) for number in range(len(works))]
        return await loop.run(
            made, backend, turns, lambda *_: None, lambda frame, *_: frame.f_code.co_name, timeout
        )

    return asyncio.run(body())


def logs(log: list[str], name: str) -> Work:
    async def work(point: Point) -> str:
        for part in "12":
            await point(f"{name}{part}")
            log.append(f"{name}{part}")
        return name

    return work


def test_workers_run_one_after_the_other():
    log: list[str] = []
    ran = run(logs(log, "a"), logs(log, "b"))
    assert log == ["a1", "a2", "b1", "b2"]
    assert [outcome.result for outcome in ran.outcomes] == ["a", "b"]


def test_a_schedule_decides_who_goes_on():
    log: list[str] = []
    run(logs(log, "a"), logs(log, "b"), schedule=(0, 1))
    assert log == ["b1", "b2", "a1", "a2"]


def test_whoever_waits_for_another_task_gives_the_turn_away():
    log: list[str] = []
    ready: list[asyncio.Event] = []

    async def waits(point: Point) -> None:
        ready.append(asyncio.Event())
        await ready[0].wait()
        await point("woken")
        log.append("woken")

    async def sets(point: Point) -> None:
        await point("sets")
        ready[0].set()
        log.append("set")

    ran = run(waits, sets)
    assert log == ["set", "woken"]
    assert ran.stuck is None


def test_children_that_wait_for_the_turn_are_waited_for():
    log: list[str] = []

    async def parent(point: Point) -> None:
        await asyncio.gather(logs(log, "x")(point), logs(log, "y")(point))

    ran = run(parent, logs(log, "b"))
    assert ran.stuck is None
    assert sorted(log) == ["b1", "b2", "x1", "x2", "y1", "y2"]


def test_who_waits_for_ever_is_told_and_cancelled():
    ended: list[str] = []

    async def waits(point: Point) -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append("cancelled")

    ran = run(waits, timeout=0.02)
    assert (ran.stuck, ended) == (HANG, ["cancelled"])
    assert ran.places == {0: "waits"}
    assert ran.outcomes[0].error is None


def test_what_a_worker_raises_is_kept():
    async def raises(point: Point) -> None:
        raise KeyError("a")

    async def leaves(point: Point) -> None:
        raise SystemExit(3)

    ran = run(raises, leaves)
    assert [type(outcome.error) for outcome in ran.outcomes] == [KeyError, SystemExit]


def test_a_task_left_behind_is_free_when_all_workers_are_done():
    log: list[str] = []
    left: list[asyncio.Task[Any]] = []

    async def leaves(point: Point) -> None:
        left.append(asyncio.ensure_future(logs(log, "left")(point)))
        await asyncio.sleep(0)

    async def body() -> None:
        backend = Tasks(nullcontext)
        turns = Turns(1, (), backend.gate, backend.lock(), alike=False)

        async def point(name: str) -> None:
            await bridged(turns.point, 0, name)

        await loop.run([lambda: leaves(point)], backend, turns, lambda *_: None, str, 5.0)
        await asyncio.wait_for(left[0], 5.0)

    asyncio.run(body())
    assert log == ["left1", "left2"]


class RunningTask:
    """A task that runs: in Python 3.11 and 3.12, to ask what it awaits may end the process."""

    cr_running = True
    _fut_waiter: asyncio.Future[None] | None = None

    def get_coro(self) -> Any:
        return self

    @property
    def cr_await(self) -> Any:
        raise AssertionError("asked a running coroutine what it awaits")


def test_a_running_coroutine_is_not_asked_what_it_awaits():
    task = RunningTask()
    task._fut_waiter = asyncio.Future(loop=asyncio.new_event_loop())
    assert waits_for_another(task)
    task._fut_waiter.get_loop().close()

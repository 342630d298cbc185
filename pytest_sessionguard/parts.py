"""The concurrent parts of a test: the body of a marked one, and what ``concurrently`` is given."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
from collections.abc import Callable, Generator
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import pytest

from pytest_sessionguard import jobs, together
from pytest_sessionguard.backends import backend as backends
from pytest_sessionguard.concurrency import takes_number
from pytest_sessionguard.events import Stack
from pytest_sessionguard.isolate.databases import NotIsolated
from pytest_sessionguard.isolate.fixtures_bound import refuse_bound
from pytest_sessionguard.observe import Recorder
from pytest_sessionguard.pending import Pending
from pytest_sessionguard.schedule.token import Token
from pytest_sessionguard.search import Search


class Place(NamedTuple):
    """Where a part runs: in which search; ``token`` is the one that is replayed, if any."""

    search: Search
    recorder: Recorder
    token: Token | None


class Work(NamedTuple):
    """What a part does: a job for each worker, and the line that gives them out.

    ``alike`` when all do the same.
    """

    jobs: list[together.Job]
    spawned: Stack
    alike: bool


def in_workers(place: Place, plain: Callable[..., Any]) -> Callable[..., Any]:
    """The body of a marked test, as a function that runs it in all its workers."""
    search = place.search
    jobs.refuse_body(plain, search.chosen.backend)
    definition = jobs.definition(place.recorder.frames, plain)

    def work(arguments: dict[str, Any]) -> Work:
        workers = range(search.chosen.workers)
        made = [jobs.marked(search.item, plain, arguments) for _ in workers]
        return Work(made, definition, alike=True)

    if inspect.iscoroutinefunction(plain):

        @functools.wraps(plain)
        async def async_body(**arguments: Any) -> None:
            try:
                await _run_async(place, work(arguments))
            finally:
                if sessions := arguments.get("isolated_sessions"):
                    await sessions.close_awaited()

        return async_body

    @functools.wraps(plain)
    def body(**arguments: Any) -> None:
        _run(place, work(arguments))

    return body


def concurrently(
    place: Place, functions: tuple[Callable[..., Any], ...], workers: int | None
) -> Any:
    """The results of functions that run in workers; of async ones, when that is awaited.

    Raises ``pytest.UsageError`` when it is called in a wrong way.
    """
    __tracebackhide__ = True
    if place.recorder.scheduler is not None:
        raise pytest.UsageError("concurrently: a worker cannot start workers of its own")
    works = jobs.each(functions, workers, place.search.chosen.workers)
    alike = len(functions) == 1 and not takes_number(functions[0])
    work = Work([together.Job(each, [each]) for each in works], place.recorder.stack(), alike)
    if jobs.are_async(functions):
        return _pending(place, work)
    results = _run(place, work)
    coroutines = jobs.coroutines(results)
    if coroutines is None:
        return results
    place.search.parts.pop()  # plain functions that return coroutines: nothing has run yet
    awaiting = [together.Job(partial(_as_it_is, each), [each]) for each in coroutines]
    return _pending(place, work._replace(jobs=awaiting))


def _pending(place: Place, work: Work) -> Pending:
    """Workers that begin when they are awaited."""
    body = place.search.item.obj  # type: ignore[attr-defined]
    if asyncio._get_running_loop() is None and not inspect.iscoroutinefunction(body):
        raise pytest.UsageError(jobs.NO_LOOP)
    made = Pending(lambda: _run_async(place, work))
    place.search.pending.append(made)
    return made


async def _as_it_is(coroutine: Any) -> Any:
    return await coroutine


def _run(place: Place, work: Work) -> list[Any]:
    with _told_in_one_line():
        return together.run(_asked(place.search, work, _plain_backend(place)))


async def _run_async(place: Place, work: Work) -> list[Any]:
    with _told_in_one_line():
        return await together.run_async(_asked(place.search, work, "asyncio"))


def _plain_backend(place: Place) -> str:
    """What runs plain functions; a token's, unless it was found to be awaited after all."""
    wanted = place.search.chosen.backend if place.token is None else place.token.backend
    return backends.chosen("auto" if wanted == "asyncio" else wanted)


def _asked(search: Search, work: Work, backend: str) -> together.Asked:
    """A part in workers begins: what it is to do, with the backend made definite."""
    search.workers = max(search.workers, len(work.jobs))
    search.backend = backend
    refuse_bound(search.item)
    return together.Asked(
        work.jobs, replace(search.chosen, backend=backend), search.schedule_left(),
        search.beyond(), search.ordering, work.spawned, work.alike, search.told,
        search.parts.append,
    )  # fmt: skip


@contextlib.contextmanager
def _told_in_one_line() -> Generator[None, None, None]:
    """What cannot be had here fails the test without a traceback."""
    try:
        yield
    except (NotIsolated, backends.Unavailable) as error:
        raise pytest.fail.Exception(f"sessionguard: {error}", pytrace=False) from None

"""What the workers of a concurrent part do, and what each is given."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack, ExitStack
from typing import Any

import pytest

from pytest_sessionguard import clients, concurrency, together
from pytest_sessionguard.concurrency import MARKER, takes_number
from pytest_sessionguard.events import Stack
from pytest_sessionguard.observe import Frames

ISOLATED = "isolated_session"
ASYNC_BODY = (
    MARKER + "(backend={backend!r}): the body is async, so its workers are tasks; say "
    "backend='asyncio' or leave it out, or write the body as a plain function"
)
PLAIN_BODY = (
    f"{MARKER}(backend='asyncio'): the body is a plain function, and workers that are tasks need an "
    "async one; write async def, or leave backend out"
)
GENERATOR = "{what} is an async generator, and nothing of it would run; take the yield out"
NO_LOOP = (
    "concurrently: the function is async and this test is not; write async def for the test and "
    "await concurrently(...), or give it a plain function"
)
MIXED = "concurrently: some of its functions are async and some are not; make all of them async, or none"


def refuse_body(plain: Callable[..., Any], backend: str) -> None:
    """Fail the test if a body of this kind cannot run on ``backend``."""
    if inspect.isasyncgenfunction(plain):
        pytest.fail(f"{MARKER}: " + GENERATOR.format(what="the body"), pytrace=False)
    is_async = inspect.iscoroutinefunction(plain)
    if is_async and backend not in ("auto", "asyncio"):
        pytest.fail(ASYNC_BODY.format(backend=backend), pytrace=False)
    if not is_async and backend == "asyncio":
        pytest.fail(PLAIN_BODY, pytrace=False)


def are_async(functions: Iterable[Callable[..., Any]]) -> bool:
    """Whether functions are all async. Raises ``pytest.UsageError`` if they cannot run together."""
    kinds = set()
    for function in functions:
        plain = getattr(function, "func", function)  # of a partial
        if inspect.isasyncgenfunction(plain):
            raise pytest.UsageError("concurrently: " + GENERATOR.format(what="a function"))
        call = inspect.getattr_static(type(function), "__call__", None)
        kinds.add(inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call))
    if len(kinds) > 1:
        raise pytest.UsageError(MIXED)
    return kinds == {True}


def each(
    functions: tuple[Callable[..., Any], ...], workers: int | None, default: int
) -> list[Callable[[], Any]]:
    """What each worker of a ``concurrently`` calls. Raises ``pytest.UsageError``."""
    if not functions or not all(callable(function) for function in functions):
        raise pytest.UsageError("concurrently: it takes functions to run, each in a worker")
    wanted = concurrency.workers(workers) if workers is not None else None
    if wanted is not None:
        raise pytest.UsageError(f"concurrently(workers={workers!r}): it takes {wanted}")
    if len(functions) > 1:
        if workers not in (None, len(functions)):
            raise pytest.UsageError(
                f"concurrently: {len(functions)} functions run in as many workers, not {workers}"
            )
        return [_called(function, number) for number, function in enumerate(functions)]
    return [_called(functions[0], number) for number in range(workers or default)]


def coroutines(results: list[Any]) -> list[Any] | None:
    """The coroutines that plain functions returned; nothing of them has run. None if they did not.

    Raises ``pytest.UsageError`` where nobody could await them.
    """
    found = [result for result in results if inspect.iscoroutine(result)]
    if not found:
        return None
    if len(found) == len(results) and asyncio._get_running_loop() is not None:
        return found
    for coroutine in found:
        coroutine.close()  # or Python warns that nobody awaited it
    raise pytest.UsageError(MIXED if len(found) < len(results) else NO_LOOP)


def _called(function: Callable[..., Any], number: int) -> Callable[[], Any]:
    return functools.partial(function, number) if takes_number(function) else function


def marked(item: pytest.Item, plain: Callable[..., Any], arguments: dict[str, Any]) -> together.Job:
    """One worker's copy of a marked body, with clients and sessions of its own."""
    instance = getattr(plain, "__self__", None)
    body = plain
    if instance is not None:
        body = plain.__func__.__get__(clients.own_attributes(instance))  # type: ignore[attr-defined]
    given = {name: clients.own(value) for name, value in arguments.items()}

    def sessions() -> Any:
        return item._request.getfixturevalue("isolated_sessions")  # type: ignore[attr-defined]

    def work() -> Any:
        with ExitStack() as stack:
            if ISOLATED in given:
                given[ISOLATED] = stack.enter_context(sessions().one())
            return body(**given)

    async def work_async() -> Any:
        async with AsyncExitStack() as stack:
            if ISOLATED in given:
                given[ISOLATED] = await stack.enter_async_context(sessions().one_awaited())
            return await body(**given)

    is_async = inspect.iscoroutinefunction(plain)
    return together.Job(work_async if is_async else work, [*given.values(), instance])


def definition(frames: Frames, function: Callable[..., Any]) -> Stack:
    """The place of a test function: what gives its fixtures to the workers."""
    code = inspect.unwrap(getattr(function, "__func__", function)).__code__
    return (frames.site_of(code.co_filename, code.co_firstlineno, code.co_qualname),)

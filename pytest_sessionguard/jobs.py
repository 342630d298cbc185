"""What the workers of a concurrent part do, and what each is given."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from pytest_sessionguard import clients, together
from pytest_sessionguard.concurrency import MARKER, takes_number
from pytest_sessionguard.events import Stack
from pytest_sessionguard.observe import Frames

ISOLATED = "isolated_session"
NO_ASYNC = (
    f"{MARKER}: the body is async, and its workers are threads or greenlets; write it as a plain "
    "function that calls the app through a test client"
)


def each(
    functions: tuple[Callable[..., Any], ...], workers: int | None, default: int
) -> list[Callable[[], Any]]:
    """What each worker of a ``concurrently`` calls. Raises ``pytest.UsageError``."""
    if not functions or not all(callable(function) for function in functions):
        raise pytest.UsageError("concurrently: it takes functions to run, each in a worker")
    if workers is not None and (type(workers) is not int or workers < 1):
        raise pytest.UsageError(f"concurrently(workers={workers!r}): it takes a number from 1 on")
    if len(functions) > 1:
        if workers not in (None, len(functions)):
            raise pytest.UsageError(
                f"concurrently: {len(functions)} functions run in as many workers, not {workers}"
            )
        return [_called(function, number) for number, function in enumerate(functions)]
    return [_called(functions[0], number) for number in range(workers or default)]


def refuse_coroutines(results: list[Any]) -> None:
    """Raise ``pytest.UsageError`` if the functions were async: nothing has run."""
    coroutines = [result for result in results if inspect.iscoroutine(result)]
    for coroutine in coroutines:
        coroutine.close()  # or Python warns that nobody awaited it
    if coroutines:
        raise pytest.UsageError(
            "concurrently: the function is async, and its workers are threads or greenlets; give "
            "it a plain function that calls the app through a test client"
        )


def _called(function: Callable[..., Any], number: int) -> Callable[[], Any]:
    return functools.partial(function, number) if takes_number(function) else function


def marked(item: pytest.Item, plain: Callable[..., Any], arguments: dict[str, Any]) -> together.Job:
    """One worker's copy of a marked body, with clients and sessions of its own."""
    instance = getattr(plain, "__self__", None)
    body = plain
    if instance is not None:
        body = plain.__func__.__get__(clients.own_attributes(instance))  # type: ignore[attr-defined]
    given = {name: clients.own(value) for name, value in arguments.items()}

    def work() -> Any:
        with ExitStack() as stack:
            if ISOLATED in given:
                sessions = item._request.getfixturevalue("isolated_sessions")  # type: ignore[attr-defined]
                given[ISOLATED] = stack.enter_context(sessions.one())
            return body(**given)

    return together.Job(work, [*given.values(), instance])


def definition(frames: Frames, function: Callable[..., Any]) -> Stack:
    """The place of a test function: what gives its fixtures to the workers."""
    code = inspect.unwrap(getattr(function, "__func__", function)).__code__
    return (frames.site_of(code.co_filename, code.co_firstlineno, code.co_qualname),)

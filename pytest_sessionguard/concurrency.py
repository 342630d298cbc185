"""What a test asks for: how many workers, of which kind, in how many executions."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Any

MARKER = "concurrent_sessions"
FIXTURE = "concurrently"
BACKENDS = ("auto", "thread", "gevent", "asyncio")
MOST_WORKERS = 100
"""Each is a thread, a greenlet or a task, and the orders of three are more than anybody can try."""
STRATEGIES = ("systematic", "reduced", "bounded", "pct", "random")


@dataclass(frozen=True, slots=True)
class Concurrency:
    """``schedules`` is the most executions, ``preemptions`` the most in one schedule, None for any
    number (two in the plain bounded search); ``timeout`` is in seconds: the longest time in which
    nothing may move. ``strategy`` chooses the orders, ``seed`` those that are random.
    """

    workers: int = 2
    backend: str = "auto"
    schedules: int = 100
    preemptions: int | None = None
    timeout: float = 5.0
    strategy: str = "systematic"
    seed: int = 0

    def marked(self, arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> Concurrency:
        """These settings with a marker's arguments. Raises ValueError if they are bad."""
        if arguments:
            raise ValueError(f"the marker {MARKER} takes no positional arguments, say workers=3")
        for name, value in keywords.items():
            check = _CHECKS.get(name)
            if check is None:
                raise ValueError(
                    f"unknown argument {name!r} of the marker {MARKER} "
                    f"(it takes {', '.join(_CHECKS)})"
                )
            wanted = check(value)
            if wanted is not None:
                raise ValueError(f"{MARKER}({name}={value!r}): it takes {wanted}")
        return replace(self, **keywords)


def _at_least(least: int) -> Callable[[Any], str | None]:
    def check(value: Any) -> str | None:
        good = isinstance(value, int) and not isinstance(value, bool) and value >= least
        return None if good else f"a whole number from {least} on"

    return check


def workers(value: Any) -> str | None:
    """What a number of workers has to be; None if ``value`` is that."""
    wanted = f"a whole number from 1 to {MOST_WORKERS}"
    return wanted if _at_least(1)(value) or value > MOST_WORKERS else None


def _backend(value: Any) -> str | None:
    return None if value in BACKENDS else f"one of {', '.join(BACKENDS)}"


def _strategy(value: Any) -> str | None:
    return None if value in STRATEGIES else f"one of {', '.join(STRATEGIES)}"


def _seconds(value: Any) -> str | None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < inf
    return None if good else "a number of seconds above 0"


_CHECKS: dict[str, Callable[[Any], str | None]] = {
    "workers": workers,
    "backend": _backend,
    "schedules": _at_least(1),
    "preemptions": _at_least(0),
    "timeout": _seconds,
    "strategy": _strategy,
    "seed": _at_least(0),
}


def takes_number(function: Callable[..., Any]) -> bool:
    """Whether a function has exactly one required positional parameter: the worker's number."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    required = [p for p in parameters if p.default is p.empty and p.kind in positional]
    return len(required) == 1

"""The public fixtures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from pytest_sessionguard.searched import ASKED_FOR_LATE

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

    from pytest_sessionguard.isolate.sessions import IsolatedSessions


@pytest.fixture
def concurrently(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Run functions in concurrent workers: ``results = concurrently(buy, workers=3)``.

    ``concurrently(f, workers=2)`` runs one function in several workers, ``concurrently(f, g)``
    each in one. A function with exactly one required positional parameter is given its worker's
    number (0, 1, ...). Returns the results in the order of the workers. Raises what a worker
    raised; an ExceptionGroup when several did. The whole test is run again for each order. Async
    functions run in tasks of the test's own loop: ``results = await concurrently(buy)``.
    """
    explorer: Any = request.config.pluginmanager.get_plugin("sessionguard-explorer")

    def run(*functions: Callable[..., Any], workers: int | None = None) -> Any:
        __tracebackhide__ = True
        if explorer is None:
            raise pytest.UsageError(ASKED_FOR_LATE)
        return explorer.concurrently(request.node, functions, workers)

    return run


@pytest.fixture
def sessionguard_engine() -> Engine:
    """The Engine (or AsyncEngine) of the code under test: override it in your conftest.py."""
    pytest.fail(
        "isolated_session needs to know the engine: override the fixture sessionguard_engine in "
        "conftest.py and return the Engine of the code under test",
        pytrace=False,
    )


@pytest.fixture
def isolated_sessions(
    sessionguard_engine: Engine, request: pytest.FixtureRequest
) -> Iterator[IsolatedSessions]:
    """Makes Sessions, each on a connection of its own: ``session = isolated_sessions()``.

    They may commit; everything is rolled back after the test. Of an AsyncEngine it makes
    AsyncSessions.
    """
    from pytest_sessionguard.isolate.sessions import IsolatedSessions, closing

    if not hasattr(sessionguard_engine, "dialect"):
        pytest.fail(
            f"sessionguard_engine returned {sessionguard_engine!r}; it takes an Engine or an "
            "AsyncEngine",
            pytrace=False,
        )
    sessions = IsolatedSessions(sessionguard_engine)
    if request.node.get_closest_marker("concurrent_sessions") is None:
        closing(sessions, request.node)
    yield sessions
    sessions.close()


@pytest.fixture
def isolated_session(
    isolated_sessions: IsolatedSessions, request: pytest.FixtureRequest
) -> Session | None:
    """A Session on a connection of its own, rolled back afterwards; one for each worker.

    Of an AsyncEngine it is an AsyncSession.
    """
    if request.node.get_closest_marker("concurrent_sessions") is not None:
        return None  # each worker is given one when it starts
    session: Session = isolated_sessions()
    return session

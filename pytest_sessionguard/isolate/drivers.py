"""Lets an async driver be asked from where no loop runs, or from a plain function on a loop.

Databases are saved and put back in pytest's hooks, where nothing can be awaited. The function is run
in SQLAlchemy's greenlet, on a loop of its own; aiosqlite serves any loop. Nothing of an engine is
kept waiting: a connection that does not answer is left alone.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

PATIENCE = 2.0
"""Seconds for a driver to answer."""

Result = TypeVar("Result")


def run(function: Callable[[], Result], home: asyncio.AbstractEventLoop | None = None) -> Result:
    """Call ``function`` where the connections of an AsyncEngine can be used.

    On the loop ``home`` if that stands still, else on a new one. Raises what ``function`` raises;
    TimeoutError when a driver does not answer.
    """
    from sqlalchemy.util import greenlet_spawn

    async def patiently() -> Result:
        async with asyncio.timeout(PATIENCE):
            return await greenlet_spawn(function)

    if home is not None and not home.is_closed() and not home.is_running():
        return home.run_until_complete(patiently())
    outer = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(patiently())
    finally:
        loop.close()
        asyncio._set_running_loop(outer)


def run_for(engine: Any, function: Callable[[], Result]) -> Result:
    """Call ``function``, which uses connections of ``engine``, in the way that they need."""
    return run(function) if engine.dialect.is_async else function()


def pause(seconds: float) -> None:
    """Wait a little, here or in the greenlet of an async engine: there others go on meanwhile."""
    sqlalchemy = sys.modules.get("sqlalchemy.util.concurrency")
    if sqlalchemy is not None and asyncio._get_running_loop() and sqlalchemy.in_greenlet():
        sqlalchemy.await_only(asyncio.sleep(seconds))
    else:
        time.sleep(seconds)


def sqlite_of(connection: Any) -> sqlite3.Connection | None:
    """The connection of sqlite3 that an engine's DBAPI connection is, or that is beneath it."""
    driver = getattr(connection, "driver_connection", connection)
    plain = getattr(driver, "_connection", driver)  # aiosqlite's; None when it is closed
    return plain if isinstance(plain, sqlite3.Connection) else None


def use(connection: Any, function: Callable[[sqlite3.Connection], Result]) -> Result:
    """``function(plain connection)``, called in the thread that the connection belongs to."""
    plain = sqlite_of(connection)
    assert plain is not None, "asked for connections of sqlite3 only"
    driver = getattr(connection, "driver_connection", connection)
    if driver is plain:
        return function(plain)
    from sqlalchemy.util import await_only

    result: Result = run(lambda: await_only(driver._execute(function, plain)))
    return result

"""A Session of its own for each worker: on a connection of its own, rolled back afterwards.

Source: SQLAlchemy's documentation, "Joining a Session into an External Transaction", and for
SAVEPOINT on SQLite, "Serializable isolation / Savepoints / Transactional DDL".
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import weakref
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

from pytest_sessionguard.isolate import drivers

ONE_CONNECTION = (
    "isolated_sessions: this engine has one connection for everybody (in-memory SQLite), and two "
    "Sessions on it are not isolated; give sessionguard_engine a file, such as "
    "{url}:///{{tmp_path}}/test.db"
)

LOOP_ENDED = (
    "isolated_sessions: a connection cannot be given back, since the event loop that opened it has "
    "ended; write async def for the test that uses the session"
)

MADE: weakref.WeakSet[Any] = weakref.WeakSet()
"""The Sessions made here: bound to a Connection each, and rightly so."""


class Isolated:
    """A transaction on a connection of its own, from the first ``bind`` to ``end``.

    ``session`` is what it is for. ``loop`` is where the connection was opened, for an AsyncEngine:
    most drivers can use it there only.
    """

    def __init__(self, engine: Any, open_ones: list[Isolated]) -> None:
        self.session: Any = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self._engine = engine
        self._open_ones = open_ones
        self._connection: Any = None
        self._transaction: Any = None

    def bind(self, *_: Any, **__: Any) -> Any:
        """The connection; takes what ``Session.get_bind`` takes."""
        if self._connection is None:
            self._begin()
        return self._connection

    def _begin(self) -> None:
        connection = self._engine.connect()
        raw = connection.connection.dbapi_connection
        if any(other.is_on(raw) for other in self._open_ones):
            connection.close()
            pytest.fail(ONE_CONNECTION.format(url=self._engine.url.drivername), pytrace=False)
        self._connection, self._transaction = connection, connection.begin()
        self.loop = asyncio._get_running_loop()
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")  # pysqlite would begin too late for a SAVEPOINT

    def is_on(self, raw: Any) -> bool:
        """Whether its connection is this one of the driver's."""
        return self._connection is not None and self._connection.connection.dbapi_connection is raw

    def end(self) -> None:
        """Close the Session and roll back; in SQLAlchemy's greenlet for an AsyncEngine."""
        self._open_ones.remove(self)
        getattr(self.session, "sync_session", self.session).close()
        if self._connection is not None:
            self._transaction.rollback()
            self._connection.close()


class IsolatedSessions:
    """Makes Sessions; each has its own connection and transaction, and commits only into that.

    Of an Engine they are Sessions, of an AsyncEngine AsyncSessions, which connect when they are
    first used. What is made is closed and rolled back by ``close``.
    """

    def __init__(self, engine: Any) -> None:
        self._is_async = hasattr(engine, "sync_engine")
        self._engine = getattr(engine, "sync_engine", engine)
        self._open: list[Isolated] = []

    def __call__(self) -> Any:
        """A new Session."""
        return self._new().session

    def _new(self) -> Isolated:
        made = Isolated(self._engine, self._open)
        made.session = _async_session(made) if self._is_async else _session(made)
        self._open.append(made)
        return made

    @contextmanager
    def one(self) -> Iterator[Any]:
        """A Session for a worker, rolled back when the worker has done its work."""
        made = self._new()
        try:
            yield made.session
        finally:
            made.end()

    @asynccontextmanager
    async def one_awaited(self) -> AsyncIterator[Any]:
        """The same for a worker that is a task."""
        from sqlalchemy.util import greenlet_spawn

        made = self._new()
        try:
            yield made.session
        finally:
            await greenlet_spawn(made.end)

    async def close_awaited(self) -> None:
        """Roll everything back on the loop that runs now, while it does."""
        from sqlalchemy.util import greenlet_spawn

        while self._open:
            await greenlet_spawn(self._open[-1].end)

    def close(self) -> None:
        """Roll everything back and give the connections back."""
        while self._open:
            made = self._open[-1]
            if self._is_async:
                self._end_elsewhere(made)
            else:
                made.end()

    def _end_elsewhere(self, made: Isolated) -> None:
        try:
            drivers.run(made.end, made.loop)
        except Exception:  # each driver says in its own way that the loop is not its own
            raise pytest.fail.Exception(LOOP_ENDED, pytrace=False) from None


def closing(sessions: IsolatedSessions, item: Any) -> None:
    """Have the body of an async test roll ``sessions`` back: when it has ended, so may its loop."""
    body = getattr(item, "obj", None)
    if not inspect.iscoroutinefunction(body):
        return

    @functools.wraps(body)
    async def closes(*args: Any, **kwargs: Any) -> None:
        try:
            await body(*args, **kwargs)
        finally:
            item.obj = body
            await sessions.close_awaited()

    item.obj = closes


def _session(made: Isolated) -> Any:
    from sqlalchemy.orm import Session

    session = Session(made.bind(), join_transaction_mode="create_savepoint")
    MADE.add(session)
    return session


def _async_session(made: Isolated) -> Any:
    """It is made where nothing can be awaited, so it asks for its connection when it needs one."""
    from sqlalchemy.ext.asyncio import AsyncSession

    session = AsyncSession(join_transaction_mode="create_savepoint")
    session.sync_session.get_bind = made.bind  # type: ignore[method-assign]
    return session

"""A Session of its own for each worker: on a connection of its own, rolled back afterwards.

Source: SQLAlchemy's documentation, "Joining a Session into an External Transaction", and for
SAVEPOINT on SQLite, "Serializable isolation / Savepoints / Transactional DDL".
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

ONE_CONNECTION = (
    "isolated_sessions: this engine has one connection for everybody (in-memory SQLite), and two "
    "Sessions on it are not isolated; give sessionguard_engine a file, such as "
    "sqlite:///{tmp_path}/test.db"
)

MADE: weakref.WeakSet[Any] = weakref.WeakSet()
"""The Sessions made here: bound to a Connection each, and rightly so."""


class IsolatedSessions:
    """Makes Sessions; each has its own connection and transaction, and commits only into that.

    ``engine`` is an Engine or an AsyncEngine. What is made is closed and rolled back by ``close``.
    """

    def __init__(self, engine: Any) -> None:
        self._engine = getattr(engine, "sync_engine", engine)
        self._open: list[tuple[Any, Any, Any]] = []

    def __call__(self) -> Any:
        """A new Session."""
        from sqlalchemy.orm import Session

        connection = self._engine.connect()
        raw = connection.connection.dbapi_connection
        if any(other.connection.dbapi_connection is raw for _, _, other in self._open):
            connection.close()
            pytest.fail(ONE_CONNECTION, pytrace=False)
        transaction = connection.begin()
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")  # pysqlite would begin too late for a SAVEPOINT
        session = Session(connection, join_transaction_mode="create_savepoint")
        MADE.add(session)
        self._open.append((session, transaction, connection))
        return session

    @contextmanager
    def one(self) -> Iterator[Any]:
        """A Session for a worker, rolled back when the worker has done its work."""
        session = self()
        try:
            yield session
        finally:
            self._end(next(each for each in self._open if each[0] is session))

    def close(self) -> None:
        """Roll everything back and give the connections back."""
        while self._open:
            self._end(self._open[-1])

    def _end(self, made: tuple[Any, Any, Any]) -> None:
        session, transaction, connection = made
        self._open.remove(made)
        session.close()
        transaction.rollback()
        connection.close()

"""A side connection to a PostgreSQL server, and the thread that asks on it who is blocked by whom.

The thread is the interpreter's own, also after gevent has patched, and looks only while somebody is
in a driver that may have to wait.
"""

from __future__ import annotations

import _thread
import contextlib
import time
from typing import Any

from pytest_sessionguard.backends.native import native
from pytest_sessionguard.observe import sqla
from pytest_sessionguard.observe.blocking import Abroad, Wanted

LOOK = 0.002
"""Seconds from a statement's beginning to the first look, and between two: a wait shows sooner."""

LANDING = 0.5
"""Seconds, at most, for a statement to end that the server does not keep any more."""

_BLOCKING = "SELECT pg_blocking_pids(%s)"
_MAY_HURRY = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
_IDLE, _IN_ERROR = 0, 3  # as in libpq's PGTransactionStatusType
_HURRY = "SET LOCAL deadlock_timeout = '1ms'"


class Trip:
    """One statement under way, on the connection of backend ``pid``."""

    def __init__(self, server: Server, pid: int) -> None:
        self.pid = pid
        self.done = False
        self._server = server

    def is_back(self) -> bool:
        """Whether the statement has ended; waits for it if the server keeps it no more."""
        if self.done or self._server.blocking(self.pid):
            return self.done
        deadline = time.monotonic() + LANDING
        while not self.done and time.monotonic() < deadline:
            time.sleep(LOOK / 10)
        return self.done


class Server:
    """What is asked of one server, for the time of one concurrent part.

    Raises whatever the driver raises when no connection can be had.
    """

    def __init__(self, engine: Any) -> None:
        allocate = native("_thread", "allocate_lock", _thread.allocate_lock)
        self._connection = sqla.new_connection(engine.pool)
        self._connection.autocommit = True
        self._asking, self._idle = allocate(), allocate()
        self._under_way: tuple[Trip, Abroad, Wanted] | None = None
        self._closed = False
        self._may_hurry = bool(self._ask(_MAY_HURRY))
        self._idle.acquire()
        native("_thread", "start_new_thread", _thread.start_new_thread)(self._watch, ())

    def close(self) -> None:
        """Nobody asks any more."""
        self._closed = True
        self._wake()
        with contextlib.suppress(Exception), self._asking:
            self._connection.close()

    def blocking(self, pid: int) -> list[int]:
        """The backends that keep this one waiting; none when that cannot be asked."""
        try:
            return list(self._ask(_BLOCKING, (pid,)) or ())
        except Exception:
            return []

    def hurry(self, connection: Any) -> None:
        """Have the server look for cycles at once, for the rest of this transaction.

        Whoever closes one is then refused, always; otherwise it is whoever has waited for a second.
        """
        if self._may_hurry and not connection.autocommit and not is_broken(connection):
            cursor = connection.cursor()
            try:
                cursor.execute(_HURRY)
            finally:
                cursor.close()

    def watch(self, trip: Trip, abroad: Abroad, wanted: Wanted) -> None:
        """A statement begins that may have to wait."""
        self._under_way = (trip, abroad, wanted)
        self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(RuntimeError):  # it has not yet looked since the last time
            self._idle.release()

    def _ask(self, query: str, arguments: tuple[Any, ...] = ()) -> Any:
        with self._asking:
            cursor = self._connection.cursor()
            try:
                cursor.execute(query, arguments)
                return cursor.fetchone()[0]
            finally:
                cursor.close()

    def _watch(self) -> None:
        while not self._closed:
            self._idle.acquire()
            under_way = self._under_way
            if under_way is not None:
                self._look_at(*under_way)

    def _look_at(self, trip: Trip, abroad: Abroad, wanted: Wanted) -> None:
        while not trip.done and not self._closed:
            time.sleep(LOOK)
            if not trip.done and wanted.held():
                abroad.waits(wanted)
                return


def pid_of(connection: Any) -> int | None:
    """The backend of a DBAPI connection; None if the driver does not tell it."""
    pid = getattr(getattr(connection, "info", None), "backend_pid", None)
    return pid if isinstance(pid, int) else None


def is_open(connection: Any) -> bool:
    """Whether a connection is in a transaction."""
    return not connection.closed and bool(connection.info.transaction_status != _IDLE)


def is_broken(connection: Any) -> bool:
    """Whether its transaction has failed, so that nothing but a rollback is taken."""
    return bool(connection.info.transaction_status >= _IN_ERROR)

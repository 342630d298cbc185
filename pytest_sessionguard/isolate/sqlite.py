"""SQLite: saving and putting back a database, and its lock while workers take turns.

A worker that meets "database is locked" is blocked, not failing: the holder is a worker that was
parked. The statement is tried again when somebody's transaction has ended, and the driver's error
is raised only when nobody can go on, as it would be in life. A write in a read transaction whose
snapshot is stale (``SQLITE_BUSY_SNAPSHOT``) never heals: it is raised at once.

Source: https://www.sqlite.org/rescode.html#busy, https://www.sqlite.org/backup.html
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from pytest_sessionguard.isolate import drivers, executing
from pytest_sessionguard.isolate.sqlite_holders import Holders
from pytest_sessionguard.observe.blocking import Wanted
from pytest_sessionguard.observe.hooks import Hooks
from pytest_sessionguard.observe.recorder import Recorder
from pytest_sessionguard.schedule.waiting import Answer

BUSY, BUSY_SNAPSHOT, LOCKED = 5, 517, 6
WRITING, COMMITTING = "SQLite's write lock", "SQLite's lock to commit"
LEAST = 5.0
"""Seconds that a worker waits for SQLite's lock at least: only the user's own waits end earlier."""

PATIENCE = 2.0
"""Seconds to wait for a database that somebody still holds when it is to be put back."""


class StillLocked(Exception):
    """A database could not be put back: somebody holds its lock."""


def path_of(arguments: Any) -> Path | None:
    """The file that a connection with these arguments opens; None for a database in memory."""
    name = str(arguments[0]) if arguments else ":memory:"
    if name.startswith("file:"):
        if "mode=memory" in name:
            return None
        name = name.removeprefix("file:").partition("?")[0]
    return None if name in ("", ":memory:") else Path(name)


def is_memory(engine: Any) -> bool:
    """Whether an engine's database is in memory."""
    arguments, _ = engine.dialect.create_connect_args(engine.url)
    return path_of(arguments) is None


def saved(connection: sqlite3.Connection) -> sqlite3.Connection:
    """A copy of a connection's database, in memory."""
    copy = sqlite3.connect(":memory:", check_same_thread=False)
    connection.backup(copy)
    return copy


def saved_file(path: Path) -> sqlite3.Connection | None:
    """A copy of a database file, in memory; None when there is no such file."""
    if not path.exists():
        return None
    source = sqlite3.connect(path)
    try:
        return saved(source)
    finally:
        source.close()


def put_back_file(path: Path, copy: sqlite3.Connection | None) -> None:
    """Make the file what it was. Raises ``StillLocked``."""
    if copy is None:
        for name in (
            path,
            *(path.with_name(path.name + end) for end in ("-journal", "-wal", "-shm")),
        ):
            name.unlink(missing_ok=True)
        return
    target = sqlite3.connect(path, timeout=0)
    try:
        with contextlib.suppress(
            sqlite3.OperationalError
        ):  # only faster; it may be locked just now
            target.execute("PRAGMA synchronous = OFF")
        put_back(target, copy)
    finally:
        target.close()


def put_back(target: sqlite3.Connection, copy: sqlite3.Connection) -> None:
    """Make a connection's database what it was. Raises ``StillLocked``."""
    deadline = time.monotonic() + PATIENCE

    def progress(status: int, remaining: int, total: int) -> None:
        del remaining, total
        if status in (BUSY, LOCKED) and time.monotonic() > deadline:
            raise StillLocked

    copy.backup(target, progress=progress, sleep=0.01)


class Locking:
    """SQLite's lock while workers take turns; ``ended`` counts the transactions that have."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.holders = Holders(recorder)
        self.ended = 0
        self._known: dict[int, tuple[Any, int, int | None]] = {}

    def listen(self, hooks: Hooks) -> None:
        """Watch statements on all engines, while workers take turns."""
        executing.install(self._run, hooks)

    def begin(self, engines: list[Any], hooks: Hooks) -> None:
        """Watch commits and rollbacks on these engines, for one concurrent part."""
        self.holders, self.ended = Holders(self.recorder), 0
        hooks.on_remove(self._restore)
        for engine in engines:
            self._wrap_dialect(engine.dialect, hooks)

    def _wrap_dialect(self, dialect: Any, hooks: Hooks) -> None:
        commit, rollback = dialect.do_commit, dialect.do_rollback

        def do_commit(connection: Any) -> None:
            raw = getattr(connection, "dbapi_connection", connection)
            self._patiently(raw, lambda: commit(connection), committing=True)
            self.recorder.shielded(self.holders.committed, raw)
            self.ended += 1

        def do_rollback(connection: Any) -> None:
            rollback(connection)
            raw = getattr(connection, "dbapi_connection", connection)
            self.recorder.shielded(self.holders.rolled_back, raw)
            self.ended += 1

        hooks.replace(dialect, "do_commit", do_commit)
        hooks.replace(dialect, "do_rollback", do_rollback)

    # -- statements ------------------------------------------------------------------------

    def _run(self, context: Any, statement: str, attempt: Callable[[], Any]) -> bool:
        """True when the statement was run here, so that SQLAlchemy does not run it again."""
        if self.recorder.scheduler is None or context.dialect.name != "sqlite":
            return False
        connection = context.root_connection.connection.dbapi_connection
        self._patiently(connection, attempt)
        self.recorder.shielded(self.holders.ran, connection, statement)
        return True

    def _patiently(
        self, connection: Any, attempt: Callable[[], Any], committing: bool = False
    ) -> None:
        timeout = self._without_timeout(connection) / 1000
        waiting = None
        while True:
            seen = self.ended
            try:
                attempt()
                return
            except Exception as error:
                if is_stale(error):
                    self.holders.is_stale(connection)
                if not is_busy(error):
                    raise
                waiting = waiting or Waiting(self, connection, committing, timeout)
                if not waiting.may_try_again(seen):
                    raise

    # -- the settings of the user's connections ------------------------------------------------

    def _without_timeout(self, connection: Any) -> int:
        """Have SQLite answer at once, and not wait for the disk; the user's timeout, in ms."""
        known = self._known.get(id(connection))
        if known is None:
            timeout = int(_pragma(connection, "PRAGMA busy_timeout")[0])
            _pragma(connection, "PRAGMA busy_timeout = 0")
            synchronous = None
            with contextlib.suppress(Exception):  # not within a transaction, nor while it is locked
                synchronous = int(_pragma(connection, "PRAGMA synchronous")[0])
                _pragma(connection, "PRAGMA synchronous = OFF")
            known = self._known[id(connection)] = (connection, timeout, synchronous)
        return known[1]

    def _restore(self) -> None:
        for connection, timeout, synchronous in self._known.values():
            with contextlib.suppress(Exception):  # it has been closed since
                drivers.use(connection, partial(_set, timeout, synchronous))
        self._known.clear()


def _set(timeout: int, synchronous: int | None, connection: sqlite3.Connection) -> None:
    _pragma(connection, f"PRAGMA busy_timeout = {timeout}")
    if synchronous is not None:
        _pragma(connection, f"PRAGMA synchronous = {synchronous}")


class Waiting:
    """A statement that SQLite has refused for now."""

    def __init__(self, locking: Locking, connection: Any, committing: bool, timeout: float) -> None:
        holders, database = locking.holders, locking.holders.database(connection)
        self._locking = locking
        self._seen = 0
        self._deadline = time.monotonic() + timeout
        self._wanted = Wanted(
            *(("commit", COMMITTING) if committing else ("database", WRITING)),
            lambda: locking.ended != self._seen,
            lambda: holders.against(connection, database, committing), max(timeout, LEAST), committing,
        )  # fmt: skip

    def may_try_again(self, seen: int) -> bool:
        """Wait for the end of a transaction, of which ``seen`` had ended before the attempt."""
        self._seen = seen
        scheduler = self._locking.recorder.scheduler
        answer = scheduler.wait(self._wanted) if scheduler is not None else Answer.IN_EARNEST
        if answer is Answer.IN_EARNEST:  # not for a worker: it has the user's own timeout
            drivers.pause(0.005)
            return time.monotonic() < self._deadline
        return answer is Answer.AGAIN


def is_stale(error: BaseException) -> bool:
    """Whether what a transaction has read is out of date, so that it can never write."""
    return getattr(error, "sqlite_errorcode", None) == BUSY_SNAPSHOT


def is_busy(error: BaseException) -> bool:
    """Whether SQLite refused for a lock that somebody will let go of."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code != BUSY_SNAPSHOT and code & 0xFF in (BUSY, LOCKED)


def _pragma(connection: Any, statement: str) -> Any:
    cursor = connection.cursor()
    try:
        cursor.execute(statement)
        return cursor.fetchone()
    finally:
        cursor.close()

"""The databases of the engines under test: saved before, put back after each execution.

Only what function-scoped fixtures and the body do is undone: a database is saved when fixtures of
wider scope have been set up, since those are not set up again.
"""

from __future__ import annotations

import contextlib
import gc
import sqlite3
import sys
import tempfile
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from pytest_sessionguard.events import Site
from pytest_sessionguard.isolate import drivers, left_running, rows, sqlite
from pytest_sessionguard.observe import sqla
from pytest_sessionguard.observe.hooks import Hooks
from pytest_sessionguard.observe.recorder import Recorder


class NotIsolated(Exception):
    """No concurrency can be tested on this database; the text says why, and what to do."""


class Databases:
    """What is known of the databases while one test is being searched.

    ``engines`` are weakly kept; those made before the hooks were placed are looked for once.
    """

    def __init__(self, recorder: Recorder, engines: Any) -> None:
        self._recorder = recorder
        self._engines = engines
        self._searched = False
        self._files: dict[Path, sqlite3.Connection | None] = {}
        self._memories: dict[Any, sqlite3.Connection] = {}
        self._frozen = self._settled = False
        self._saved = False
        self._in_transaction: set[object] = set()
        self._hooks = Hooks()
        self._locking: sqlite.Locking | None = None
        self._rows: rows.RowLocks | None = None
        self._redirected: dict[int, Path] = {}

    # -- around a test -----------------------------------------------------------------------

    def begin(self) -> None:
        """A search begins: notice every database file that is opened from now on."""
        self._look_once()  # the collector does not show what is frozen
        self._frozen = not gc.get_freeze_count()
        if self._frozen:
            gc.collect()
            gc.freeze()  # what is old stays: only what an execution leaves is looked through
        if "sqlalchemy" in sys.modules:
            from sqlalchemy import Engine

            self._hooks.listen(Engine, {"do_connect": self._connecting})

    def end(self) -> None:
        """The search is over; nothing is kept."""
        if self._frozen:
            gc.unfreeze()
        self._hooks.remove()
        self._locking = self._rows = None
        self.forget()

    def forget(self) -> None:
        """Nothing is saved any more."""
        for copy in (*self._files.values(), *self._memories.values()):
            if copy is not None:
                copy.close()
        self._files.clear()
        self._memories.clear()

    def save(self) -> None:
        """Save every SQLite database that is known now."""
        self._in_transaction = {key for key, session in _sessions() if session.in_transaction()}
        self._saved = True
        self._save_again()
        for engine in self._sqlite_engines():
            arguments, _ = engine.dialect.create_connect_args(engine.url)
            path = sqlite.path_of(arguments)
            if path is not None:
                self._save_file(path)
            else:
                connection = self._memory_connection(engine)
                if connection is not None:
                    self._memories[engine] = drivers.use(connection, sqlite.saved)

    def put_back(self) -> None:
        """Make every database what it was when it was saved. Raises ``NotIsolated``."""
        self._end_transactions()
        self.roll_back_left_open()
        self._freeze_again()
        if not self._saved:
            return  # a fixture of wider scope failed; what it and others wrote stays
        for engine in self._sqlite_engines():
            if type(engine.pool).__name__ not in sqla.SHARED_POOLS or self._is_new(engine):
                drivers.run_for(engine, engine.dispose)
        for path, copy in self._files.items():
            try:
                sqlite.put_back_file(path, copy)
            except sqlite.StillLocked:
                raise NotIsolated(_still_locked(path.name)) from None
            except (sqlite3.Error, OSError) as error:
                raise NotIsolated(f"the database {path} cannot be put back: {error}") from None
        for engine, copy in self._memories.items():
            connection = self._memory_connection(engine)
            if connection is not None:
                drivers.use(connection, partial(_put_back, copy))

    def roll_back_left_open(self) -> None:
        """Roll back what workers began and their Sessions have lost, as the collector would do.

        Two that break one Session leave a connection which only the traceback of their error holds.
        """
        if self._rows is not None:
            self._rows.roll_back_left_open()
        for connection in self._locking.holders.left_open() if self._locking is not None else ():
            with contextlib.suppress(Exception):  # it is closed, or of its own thread only
                drivers.use(connection, sqlite3.Connection.rollback)

    def _freeze_again(self) -> None:
        """What the first execution has made for good (imports, caches) is not looked through again."""
        if self._frozen and not self._settled:
            self._settled = True
            gc.freeze()

    def _is_new(self, engine: Any) -> bool:
        """Whether a database in memory did not exist when the others were saved."""
        return engine not in self._memories and sqlite.is_memory(engine)

    def _end_transactions(self) -> None:
        """Roll back what the execution left open: it holds locks, and the next begins without."""
        if not all(sqla.is_all_there(engine.pool) for engine in self._engines):
            gc.collect()  # sessions that nobody has closed give their connections back
        own = self._recorder.strands.current()
        still_used = left_running.end(self._left_open, own, self._roll_back)
        if still_used:
            raise NotIsolated(_still_used(still_used[0]))

    def _left_open(self) -> list[Any]:
        return [
            session
            for key, session in _sessions()
            if key not in self._in_transaction and session.in_transaction()
        ]

    def _roll_back(self, sessions: list[Any]) -> None:
        if sessions and any(engine.dialect.is_async for engine in self._engines):
            for session in sessions:
                with contextlib.suppress(Exception):  # as below, or another loop's connection
                    drivers.run(session.rollback)
        for session in sessions:
            with contextlib.suppress(Exception):  # a broken connection: the pool drops it
                session.rollback()

    def _save_again(self) -> None:
        """A file that a fixture of wider scope has opened just now: it has written since."""
        files, self._files = self._files, {}
        for path, copy in files.items():
            if copy is not None:
                copy.close()
            self._save_file(path)

    def _save_file(self, path: Path) -> None:
        if path not in self._files:
            self._files[path] = sqlite.saved_file(path)

    def _connecting(self, dialect: Any, record: Any, arguments: Any, options: Any) -> None:
        """An engine opens a connection: to a file not seen before, or to a copy of ours."""
        del record
        if dialect.name != "sqlite":
            return
        copy = self._redirected.get(id(dialect))
        path = sqlite.path_of(arguments)
        if copy is not None:
            arguments[:] = [str(copy)]
            options["check_same_thread"] = False  # the workers share a pool of them
        elif path is not None:
            self._save_file(path)

    # -- around the concurrent part ------------------------------------------------------------

    def share(self, hooks: Hooks) -> None:
        """Give the workers databases that they can use at once. Raises ``NotIsolated``.

        A database in memory has one connection for everybody, or is another one for each thread:
        it is moved to a file, and moved back when ``hooks`` are removed.
        """
        engines = self._sqlite_engines()
        to_move = [engine for engine in engines if _is_one_for_all(engine)]
        folder = _new_folder(hooks) if to_move else Path()
        for number, engine in enumerate(to_move):
            self._move(engine, folder / f"memory-{number}.db", hooks)
        if self._locking is None:
            self._locking = sqlite.Locking(self._recorder)
            self._locking.listen(self._hooks)
        self._locking.begin(engines, hooks)
        served = [engine for engine in self._engines if engine.dialect.name in rows.DIALECTS]
        if served:
            self._rows = self._rows or self._row_locks()
            self._rows.begin(served, hooks)

    def _row_locks(self) -> rows.RowLocks:
        locks = rows.RowLocks(self._recorder)
        locks.listen(self._hooks)
        return locks

    def _move(self, engine: Any, copy: Path, hooks: Hooks) -> None:
        connection = self._memory_connection(engine) if sqlite.is_memory(engine) else None
        plain = drivers.sqlite_of(connection)
        if plain is not None and plain.in_transaction:
            raise NotIsolated(UNCOMMITTED)
        old, dialect = engine.pool, engine.dialect
        engine.pool = sqla.queue_pool_like(old)
        if connection is not None:
            drivers.use(connection, partial(_write, copy))
            self._redirected[id(dialect)] = copy

        def back() -> None:
            drivers.run_for(engine, engine.pool.dispose)
            engine.pool = old
            if self._redirected.pop(id(dialect), None) is not None:
                drivers.use(connection, partial(_read, copy))

        hooks.on_remove(back)

    # -- engines -------------------------------------------------------------------------------

    def _sqlite_engines(self) -> list[Any]:
        self._look_once()
        found = [engine for engine in self._engines if engine.dialect.name == "sqlite"]
        return sorted(found, key=lambda engine: str(engine.url))

    def _look_once(self) -> None:
        if self._searched or "sqlalchemy" not in sys.modules:
            return
        from sqlalchemy import Engine

        self._searched = True
        self._engines.update(each for each in gc.get_objects() if type(each) is Engine)

    def others(self) -> list[str]:
        """The dialects whose databases are not put back."""
        names: Iterable[str] = {engine.dialect.name for engine in self._engines}
        return sorted({*names} - {"sqlite"})

    def _memory_connection(self, engine: Any) -> Any:
        connection = sqla.only_connection(engine.pool)
        return connection if drivers.sqlite_of(connection) is not None else None


def _sessions() -> list[tuple[object, Any]]:
    return list(sqla.live_sessions().items()) if "sqlalchemy.orm.session" in sys.modules else []


def _is_one_for_all(engine: Any) -> bool:
    return type(engine.pool).__name__ in sqla.SHARED_POOLS or sqlite.is_memory(engine)


def _new_folder(hooks: Hooks) -> Path:
    """A folder for copies, in memory where the machine has such a place; gone with ``hooks``."""
    memory = Path("/dev/shm")
    place = str(memory) if memory.is_dir() else None
    folder = tempfile.TemporaryDirectory(
        prefix="sessionguard-", dir=place, ignore_cleanup_errors=True
    )
    hooks.on_remove(folder.cleanup)
    return Path(folder.name)


def _write(path: Path, connection: sqlite3.Connection) -> None:
    target = sqlite3.connect(path)
    try:
        connection.backup(target)
    finally:
        target.close()


def _put_back(copy: sqlite3.Connection, connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.rollback()
    sqlite.put_back(connection, copy)


def _read(path: Path, connection: sqlite3.Connection) -> None:
    source = sqlite3.connect(path)
    try:
        sqlite.put_back(connection, source)
    finally:
        source.close()


UNCOMMITTED = (
    "a fixture keeps a transaction open on the only connection of an in-memory SQLite database, so "
    "nothing concurrent can be tested on it; commit what the fixture writes (the database is put "
    "back by the guard), or give each worker an isolated_session"
)


def _still_used(site: Site) -> str:
    return (
        "the databases cannot be put back: a thread that the test started still uses a Session at "
        f"{site.path}:{site.line} in {site.function}; join it before the test ends"
    )


def _still_locked(name: str) -> str:
    return (
        f"the database {name} cannot be put back: a connection that was not closed still holds its "
        "lock; close the session or connection that the test or the app left open"
    )

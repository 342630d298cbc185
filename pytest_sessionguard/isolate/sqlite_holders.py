"""Who has a transaction open on a SQLite database while workers take turns, and since which line."""

from __future__ import annotations

import sqlite3
from typing import Any, NamedTuple

from pytest_sessionguard import events as ev
from pytest_sessionguard.isolate import drivers
from pytest_sessionguard.observe.blocking import Held
from pytest_sessionguard.observe.recorder import Recorder

_READING = ("SELECT", "WITH", "PRAGMA", "SAVEPOINT", "RELEASE", "EXPLAIN", "VALUES")


class Use(NamedTuple):
    """An open transaction: where it first read (or wrote), and where it first wrote."""

    connection: Any
    database: str
    first: Held
    wrote: Held | None


class Holders:
    """The open transactions, by connection, and whose write was committed last, by database."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._databases: dict[int, tuple[Any, str]] = {}
        self._open: dict[int, Use] = {}
        self._committed: dict[str, Held] = {}

    def ran(self, connection: Any, statement: str) -> None:
        """A statement was run on a DBAPI connection."""
        if not _in_transaction(connection):
            return
        known = self._open.get(id(connection))
        writes = _writes(statement)
        if known is not None and (known.wrote is not None or not writes):
            return
        if known is None and statement.lstrip().upper().startswith("BEGIN") and not writes:
            return  # SQLite takes no lock before the first statement
        here = self._here(f"{'wrote' if writes else 'read'} in an open transaction")
        first = known.first if known is not None else here
        database = self.database(connection)
        self._open[id(connection)] = Use(connection, database, first, here if writes else None)

    def committed(self, connection: Any) -> None:
        """A transaction was committed."""
        use = self._open.pop(id(connection), None)
        if use is not None and use.wrote is not None:
            self._committed[use.database] = use.wrote._replace(what="committed a write since")

    def rolled_back(self, connection: Any) -> None:
        """A transaction was rolled back."""
        self._open.pop(id(connection), None)

    def left_open(self) -> list[Any]:
        """The connections of the transactions that nobody has ended."""
        return [use.connection for use in [*self._open.values()] if _in_transaction(use.connection)]

    def against(self, connection: Any, database: str, committing: bool) -> list[Held] | None:
        """Who keeps this connection from writing to it, or from committing; None if nobody knows.

        A write waits for the one that writes, a COMMIT for all that read.
        """
        others = [
            use
            for use in self._open.values()
            if use.connection is not connection
            and use.database == database
            and _in_transaction(use.connection)
        ]
        writers = [use.wrote for use in others if use.wrote is not None]
        if writers and not committing:
            return writers
        return [use.first for use in others] or None

    def is_stale(self, connection: Any) -> None:
        """A write was refused since another's was committed after this transaction had read."""
        use = self._open.get(id(connection))
        if use is None:
            return
        by = self._committed.get(use.database)
        if by is not None:
            self._recorder.shielded(self._note_stale, use, by)

    def _note_stale(self, use: Use, by: Held) -> None:
        strand, worker = self._recorder.who()
        self._recorder.announce(by.strand)
        held = tuple(
            ev.HeldBy(each.strand.token, each.worker.token, each.what, each.stack)
            for each in (use.first, by)
        )
        self._recorder.trace.note(
            ev.Stuck(
                (
                    ev.Waiting(
                        strand.token, worker.token, "stale", "SQLite's write lock",
                        self._recorder.stack(), held, refused=True,
                    ),
                )
            )
        )  # fmt: skip

    def _here(self, what: str) -> Held:
        strand = self._recorder.strands.current()
        return Held(strand, self._recorder.strands.worker(strand), self._recorder.stack(), what)

    def database(self, connection: Any) -> str:
        """The name of the file that a connection is open on; asked where the connection is used."""
        known = self._databases.get(id(connection))
        if known is None:
            cursor = connection.cursor()
            try:
                cursor.execute("PRAGMA database_list")
                row = cursor.fetchone()
            finally:
                cursor.close()
            known = self._databases[id(connection)] = (connection, str(row[2]))
        return known[1]


def _in_transaction(connection: Any) -> bool:
    plain = drivers.sqlite_of(connection)
    try:
        return plain is not None and plain.in_transaction
    except sqlite3.ProgrammingError:  # it has been closed
        return False


def _writes(statement: str) -> bool:
    words = statement.upper().split(None, 2)
    if words[:1] == ["BEGIN"]:
        return words[1:2] in (["IMMEDIATE"], ["EXCLUSIVE"])
    return bool(words) and words[0] not in _READING

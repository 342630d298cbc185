"""Tells whoever orders the workers what each statement, COMMIT and ROLLBACK touches.

What a transaction writes is seen by others when it is committed. On SQLite the statement itself only
takes the lock to write; other databases lock rows, so there it meets the others' statements too. A
transaction that reads holds SQLite's database against every COMMIT, and keeps seeing what it saw.
"""

from __future__ import annotations

from typing import Any

from pytest_sessionguard.isolate.drivers import sqlite_of
from pytest_sessionguard.observe import sqla, tables
from pytest_sessionguard.observe.recorder import Recorder, Scheduler, Touched

_SNAPSHOT = frozenset({"REPEATABLE READ", "SERIALIZABLE", "SNAPSHOT"})


class Statements:
    """What the open transactions have written, by DBAPI connection."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._dirty: dict[int, set[str]] = {}
        self._reading: set[int] = set()
        self._precise: dict[int, bool] = {}
        self._part: Scheduler | None = None

    def begins(self, connection: Any, statement: str, context: Any) -> None:
        """A statement is about to be run."""
        notes = self._notes()
        if notes is None:
            return
        raw = connection.connection.dbapi_connection
        effect = tables.effect(statement, context.compiled, self._is_precise(raw, connection))
        self._uses(notes, connection)
        notes.reads(*effect.reads)
        if effect.locks and connection.dialect.name == "sqlite":
            notes.takes(self._writer(connection))
        elif effect.locks:
            notes.writes(*effect.writes)
        if connection.dialect.name != "sqlite" and _keeps_a_snapshot(connection):
            notes.reads(tables.ANY)

    def ended(self, connection: Any, statement: str, context: Any) -> None:
        """A statement was run: on SQLite it shows whether a transaction is open now."""
        notes = self._notes()
        if notes is None:
            return
        raw = connection.connection.dbapi_connection
        effect = tables.effect(statement, context.compiled, self._is_precise(raw, connection))
        if effect.writes:
            self._dirty.setdefault(id(raw), set()).update(effect.writes)
        if connection.dialect.name != "sqlite":
            return
        if not _is_in_transaction(raw):
            self._publish(notes, connection, raw)
        elif effect.reads and id(raw) not in self._dirty:
            self._reading.add(id(raw))
            notes.takes(self._readers(connection), alone=False)

    def commits(self, connection: Any) -> None:
        """A transaction is about to be committed."""
        notes = self._notes()
        if notes is not None:
            self._uses(notes, connection)
            self._publish(notes, connection, connection.connection.dbapi_connection)

    def rolls_back(self, connection: Any) -> None:
        """A transaction is about to be rolled back: nobody has seen what it wrote."""
        notes = self._notes()
        if notes is None:
            return
        raw = connection.connection.dbapi_connection
        self._uses(notes, connection)
        written = self._dirty.pop(id(raw), None)
        self._let_go(notes, connection, raw, written)
        if connection.dialect.name != "sqlite":
            notes.writes(*(written or ()))

    def _publish(self, notes: Touched, connection: Any, raw: Any) -> None:
        written = self._dirty.pop(id(raw), None)
        if written:
            notes.writes(*written)
            if connection.dialect.name == "sqlite":
                notes.takes(self._readers(connection))
                notes.drops(self._readers(connection))
        self._let_go(notes, connection, raw, written)

    def _let_go(self, notes: Touched, connection: Any, raw: Any, written: Any) -> None:
        if connection.dialect.name != "sqlite":
            return
        if written is not None:
            notes.drops(self._writer(connection))
        if id(raw) in self._reading:
            self._reading.discard(id(raw))
            notes.drops(self._readers(connection), alone=False)

    def _uses(self, notes: Touched, connection: Any) -> None:
        """The session whose operation it is, and the connection: others may have it too."""
        strand = self._recorder.strands.current()
        for state in strand.operations:
            notes.uses(state.label.name(self._recorder.epoch.number))
        label = sqla.label_of_connection(connection)
        notes.writes(label.text if label is not None else "a connection from before")

    def _notes(self) -> Touched | None:
        recorder = self._recorder
        if (
            recorder.scheduler is not self._part
        ):  # another part: other connections at these addresses
            self._part = recorder.scheduler
            self._dirty, self._reading, self._precise = {}, set(), {}
        return recorder.notes()

    def _writer(self, connection: Any) -> str:
        return f"lock to write {self._database(connection)}"

    def _readers(self, connection: Any) -> str:
        return f"readers of {self._database(connection)}"

    def _database(self, connection: Any) -> str:
        label = sqla.label_of_database(connection)
        if label is None:
            return str(connection.engine.url.database)
        name: str = label.name(self._recorder.epoch.number)
        return name

    def _is_precise(self, raw: Any, connection: Any) -> bool:
        """Whether a statement touches only the tables that it names: no views, no triggers."""
        known = self._precise.get(id(raw))
        if known is None:
            known = self._precise[id(raw)] = _has_tables_only(raw)
        return known


def _has_tables_only(raw: Any) -> bool:
    """Asked of SQLite only, where it costs nothing."""
    plain = sqlite_of(raw)
    if plain is None or plain is not raw:
        return plain is None
    try:
        found = plain.execute(_OTHERS).fetchone()
    except Exception:
        return False
    return found is None


_OTHERS = "SELECT 1 FROM sqlite_master WHERE type IN ('view', 'trigger') LIMIT 1"


def _is_in_transaction(raw: Any) -> bool:
    return bool(getattr(raw, "in_transaction", getattr(sqlite_of(raw), "in_transaction", True)))


def _keeps_a_snapshot(connection: Any) -> bool:
    level = connection.get_execution_options().get("isolation_level")
    return (level or connection.default_isolation_level or "").upper() in _SNAPSHOT

"""Yield points within an operation: each statement and each commit. For the concurrent part only.

Under gevent a switch comes while a statement is under way, and on SQLite never: so tests cannot
show what production does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from pytest_sessionguard import events as ev
from pytest_sessionguard.observe.hooks import Hooks
from pytest_sessionguard.observe.recorder import Recorder
from pytest_sessionguard.observe.touching import Statements

# Enough to tell which statements meet: SQLAlchemy writes these words itself.
_TABLE = re.compile(r"""\b(?:FROM|JOIN|INTO|UPDATE)\s+["`\[]?([\w.]+)""", re.IGNORECASE)
_LOCKING = re.compile(r"\bFOR (?:UPDATE|SHARE|NO KEY UPDATE)\b", re.IGNORECASE)
_WRITING = frozenset({"INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE"})


def install(recorder: Recorder, hooks: Hooks) -> None:
    """Listen to all engines."""
    from sqlalchemy import Engine

    def before_cursor_execute(
        connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool
    ) -> None:
        del cursor, parameters, many
        if recorder.active and recorder.scheduler is not None:
            verb = _verb(statement)
            recorder.scheduler.point(verb)
            recorder.shielded(touched.begins, connection, statement, context)
            recorder.shielded(_note, recorder, verb, statement)

    def after_cursor_execute(
        connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool
    ) -> None:
        del cursor, parameters, many
        recorder.shielded(touched.ended, connection, statement, context)

    def commit(connection: Any) -> None:
        if recorder.active and recorder.scheduler is not None:
            recorder.scheduler.point("COMMIT")
            recorder.shielded(touched.commits, connection)

    def rollback(connection: Any) -> None:
        recorder.shielded(touched.rolls_back, connection)

    touched = Statements(recorder)
    listeners: dict[str, Callable[..., Any]] = {
        "before_cursor_execute": before_cursor_execute,
        "after_cursor_execute": after_cursor_execute,
        "commit": commit,
        "rollback": rollback,
    }
    hooks.listen(Engine, listeners)


def _note(recorder: Recorder, verb: str, statement: str) -> None:
    if recorder.scheduler is None or not recorder.scheduler.is_worker():
        return
    strand, worker = recorder.who()
    operation = strand.operations[-1] if strand.operations else None
    stack = operation.stack if operation is not None else recorder.here()
    tables = tables_of(statement)
    writes = verb in _WRITING or _LOCKING.search(statement) is not None
    recorder.trace.note(ev.Statement(strand.token, worker.token, verb, tables, writes, stack))


def tables_of(statement: str) -> tuple[str, ...]:
    """The tables that a statement names."""
    return tuple(sorted(set(_TABLE.findall(statement))))


def _verb(statement: str) -> str:
    return (statement.split(None, 1) or ("",))[0].upper()

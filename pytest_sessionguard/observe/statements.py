"""Yield points within an operation: each statement and each commit. For the concurrent part only.

Under gevent a switch comes while a statement is under way, and on SQLite never: so tests cannot
show what production does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytest_sessionguard.observe.hooks import Hooks
from pytest_sessionguard.observe.recorder import Recorder


def install(recorder: Recorder, hooks: Hooks) -> None:
    """Listen to all engines."""
    from sqlalchemy import Engine, event

    def before_cursor_execute(
        connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool
    ) -> None:
        del connection, cursor, parameters, context, many
        _point(recorder, _verb(statement))

    def commit(connection: Any) -> None:
        del connection
        _point(recorder, "COMMIT")

    listeners: dict[str, Callable[..., Any]] = {
        "before_cursor_execute": before_cursor_execute,
        "commit": commit,
    }
    for name, listener in listeners.items():
        event.listen(Engine, name, listener)

    def remove() -> None:
        for name, listener in listeners.items():
            event.remove(Engine, name, listener)

    hooks.on_remove(remove)


def _point(recorder: Recorder, name: str) -> None:
    if recorder.active and recorder.scheduler is not None:
        recorder.scheduler.point(name)


def _verb(statement: str) -> str:
    return (statement.split(None, 1) or ("",))[0].upper()

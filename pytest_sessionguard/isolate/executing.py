"""Stands in for what runs a statement on a cursor, for all engines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytest_sessionguard.observe.hooks import Hooks

Run = Callable[[Any, str, Callable[[], Any]], bool]
"""Takes SQLAlchemy's execution context, the statement and what runs it; True when it was run here."""


def install(run: Run, hooks: Hooks) -> None:
    """Have ``run`` asked before SQLAlchemy runs a statement itself."""
    from sqlalchemy import Engine

    def do_execute(cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
        plain = context.dialect.do_execute
        return run(context, statement, lambda: plain(cursor, statement, parameters, context))

    def do_executemany(cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
        plain = context.dialect.do_executemany
        return run(context, statement, lambda: plain(cursor, statement, parameters, context))

    def do_execute_no_params(cursor: Any, statement: str, context: Any) -> bool:
        plain = context.dialect.do_execute_no_params
        return run(context, statement, lambda: plain(cursor, statement, context))

    listeners: dict[str, Callable[..., Any]] = {
        "do_execute": do_execute,
        "do_executemany": do_executemany,
        "do_execute_no_params": do_execute_no_params,
    }
    hooks.listen(Engine, listeners)

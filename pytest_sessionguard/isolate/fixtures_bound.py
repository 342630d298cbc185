"""Looks through a test's fixtures for a Session bound to one Connection.

All workers would take turns on that connection, in one transaction: what one writes the others see
before it has been committed, and nothing that a database keeps apart could be shown.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from pytest_sessionguard.isolate.databases import NotIsolated
from pytest_sessionguard.isolate.sessions import MADE

BOUND = (
    "the fixture {name!r} is a Session bound to one Connection, so all workers would share its "
    "transaction; give each worker a Session of its own with isolated_session, or several with "
    "isolated_sessions"
)


def refuse_bound(item: Any) -> None:
    """Raise ``NotIsolated`` if a fixture of this test is such a Session."""
    if "sqlalchemy.orm.session" not in sys.modules:
        return
    for name, value in _values(item):
        if _is_bound_to_connection(value):
            raise NotIsolated(BOUND.format(name=name))


def _values(item: Any) -> Iterator[tuple[str, Any]]:
    """(name, value) of the fixtures that have been set up for this test."""
    given: dict[str, Any] = getattr(item, "funcargs", None) or {}
    yield from given.items()
    definitions: dict[str, Any] = getattr(item._request, "_fixture_defs", {})
    for name, definition in definitions.items():
        cached = getattr(definition, "cached_result", None)
        if name not in given and cached is not None and cached[2] is None:
            yield name, cached[0]


def _is_bound_to_connection(value: Any) -> bool:
    """Asks only objects that are SQLAlchemy's own: another one may not like to be asked."""
    from sqlalchemy.engine import Connection
    from sqlalchemy.orm import Session, scoped_session

    if isinstance(value, scoped_session):
        if not value.registry.has():
            bind = getattr(value.session_factory, "kw", {}).get("bind")
            return isinstance(bind, Connection)
        value = value.registry()
    if type(value).__name__ == "AsyncSession":
        value = getattr(value, "sync_session", None)
    return isinstance(value, Session) and value not in MADE and isinstance(value.bind, Connection)

"""Which tables a statement reads and writes.

Taken from the compiled statement. A text of the user's own may name a view, call a function or fire
a trigger, so it is taken to touch every table; and where the database has views or triggers, so is
each statement.
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Iterator
from typing import Any, NamedTuple

ANY = "any table"
"""Written by whoever writes a table, read by whoever may read every table."""

EVERY = "every table"
"""Written by whoever may write every table, read by whoever reads one."""

_WORD = re.compile(r"\w+")
_PLAIN = frozenset({"SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN", "START", "COMMIT", "END", "SET"})
_READING = frozenset({"SELECT", "PRAGMA", "SHOW", "EXPLAIN", "VALUES"})
_CHANGING = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"})
_CHANGES = re.compile(r"\b(?:INSERT|UPDATE|DELETE|REPLACE|MERGE)\b", re.IGNORECASE)
_LOCKING = re.compile(
    r"\bFOR (?:UPDATE|SHARE|NO KEY UPDATE|KEY SHARE)\b|\bnextval\b", re.IGNORECASE
)
_AT_ONCE = re.compile(r"\bBEGIN\s+(?:IMMEDIATE|EXCLUSIVE)\b", re.IGNORECASE)


class Effect(NamedTuple):
    """The names that a statement reads and those that it changes; ``locks`` when it takes the lock
    to write, whether it changes anything or not.
    """

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    locks: bool = False


NOTHING = Effect()
UNKNOWN = Effect((EVERY, ANY), (EVERY, ANY), locks=True)
READS_ALL = Effect((EVERY, ANY))
_known: weakref.WeakKeyDictionary[Any, Effect] = weakref.WeakKeyDictionary()


def effect(statement: str, compiled: Any, precise: bool) -> Effect:
    """What a statement does; ``precise`` where tables can be told apart."""
    if compiled is None or not precise:
        return _effect(statement, None)
    found = _known.get(compiled)
    if found is None:
        found = _known[compiled] = _effect(statement, compiled)
    return found


def _effect(statement: str, compiled: Any) -> Effect:
    verb = (statement.split(None, 1) or ("",))[0].upper().rstrip(";")
    if verb in _PLAIN:
        return Effect(locks=True) if _AT_ONCE.search(statement) else NOTHING
    tables = _tables(compiled)
    is_reading = verb in _READING and _LOCKING.search(statement) is None
    if tables is None or not (is_reading or verb in _CHANGING):
        return READS_ALL if is_reading or _reads_with(verb, statement) else UNKNOWN
    reads = _in(statement, tables)
    if is_reading:
        return Effect((*reads, EVERY)) if reads else NOTHING
    if getattr(compiled.statement, "table", None) is None:  # SELECT ... FOR UPDATE
        return Effect((*reads, EVERY), (*reads, ANY), locks=True)
    written, checked = _dragged_along(compiled.statement.table, verb)
    return Effect((*reads, *checked, EVERY), (*written, ANY), locks=True)


def _reads_with(verb: str, statement: str) -> bool:
    return verb == "WITH" and not _CHANGES.search(statement)


def _tables(compiled: Any) -> list[Any] | None:
    """The tables that a compiled statement names; None where text of the user's may name others."""
    if compiled is None or getattr(compiled, "statement", None) is None:
        return None
    kinds = [(getattr(each, "__visit_name__", ""), each) for each in _elements(compiled)]
    if any(kind == "textclause" for kind, _ in kinds):
        return None
    return [each for kind, each in kinds if kind == "table"]


def _elements(compiled: Any) -> Iterator[Any]:
    from sqlalchemy.sql import visitors

    yield from visitors.iterate(compiled.statement)
    state = getattr(compiled, "compile_state", None)
    core = getattr(state, "statement", None)
    if core is not None and core is not compiled.statement:
        yield from visitors.iterate(core)


def _in(statement: str, tables: list[Any]) -> list[str]:
    """The tables, and those of their metadata whose name is among the words of the statement.

    What the mapper adds when it compiles (joined loads) is in the text only.
    """
    named = {table.name.lower() for table in tables}
    words = set(_WORD.findall(statement.lower()))
    return sorted(map(_name, named | {t.name.lower() for t in _beside(tables)} & words))


def _beside(tables: list[Any]) -> Iterator[Any]:
    for metadata in {id(each.metadata): each.metadata for each in tables}.values():
        yield from metadata.tables.values()


def _dragged_along(table: Any, verb: str) -> tuple[list[str], list[str]]:
    """What an INSERT, UPDATE or DELETE changes, and what it checks, by foreign keys."""
    written, following = {table.name}, [table.name]
    checked = {key.column.table.name for key in table.foreign_keys}
    while following and verb != "INSERT":
        parent = following.pop()
        for child in table.metadata.tables.values():
            keys = [key for key in child.foreign_keys if key.column.table.name == parent]
            checked |= {child.name for key in keys}
            if child.name not in written and any(key.ondelete or key.onupdate for key in keys):
                written.add(child.name)
                following.append(child.name)
    return sorted(map(_name, written)), sorted(map(_name, checked))


def _name(table: str) -> str:
    return f"table {table.lower()}"

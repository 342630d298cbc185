"""PostgreSQL: whom a connection waits for, and which statement the server refuses.

Of a cycle it refuses one: whoever looks, after ``deadlock_timeout``. Where the user may set that,
it is so short that the one refused is always the one that closed the cycle.

Source: https://www.postgresql.org/docs/current/functions-info.html (pg_blocking_pids),
https://www.postgresql.org/docs/current/runtime-config-locks.html
"""

from __future__ import annotations

import re
from typing import Any

from pytest_sessionguard.isolate.server import Ask, Pairs

EXACT = True
_DEADLOCK = "40P01"
_CYCLE = re.compile(r"Process (\d+) waits for .*?; blocked by process (\d+)")
_READING = ("SELECT", "WITH", "SHOW", "SET", "SAVEPOINT", "RELEASE", "VALUES", "EXPLAIN")
_LOCKING = re.compile(
    r"\bFOR (?:NO KEY )?(?:UPDATE|SHARE)|\bFOR KEY SHARE|\badvisory|^\s*WITH\b.*\b(?:INSERT|UPDATE|DELETE)\b",
    re.IGNORECASE | re.DOTALL,
)
_IDLE = 0  # as in libpq's PGTransactionStatusType


def pid_of(connection: Any) -> int | None:
    """The backend of a connection: psycopg and psycopg2 tell it, and so does asyncpg."""
    driver = getattr(connection, "driver_connection", connection)
    ask = getattr(driver, "get_server_pid", None)
    pid = ask() if ask is not None else getattr(_info(driver), "backend_pid", None)
    return pid if isinstance(pid, int) else None


def is_open(connection: Any) -> bool:
    """Whether a connection is in a transaction."""
    driver = getattr(connection, "driver_connection", connection)
    if hasattr(driver, "is_in_transaction"):
        return not driver.is_closed() and bool(driver.is_in_transaction())
    return not driver.closed and bool(_info(driver).transaction_status != _IDLE)


def _info(driver: Any) -> Any:
    return getattr(driver, "info", None)


def locks(statement: str) -> bool:
    """Whether others may have to wait for what a statement has taken."""
    verb = (statement.split(None, 1) or ("",))[0].upper()
    return verb not in _READING or _LOCKING.search(statement) is not None


def blocking(ask: Ask, pid: int, suspects: list[int]) -> list[int]:
    """The backends that keep this one waiting."""
    del suspects
    return list(ask(f"SELECT pg_blocking_pids({pid:d})")[0][0])


def may_hurry(ask: Ask) -> bool:
    """Whether the user may set the timeout."""
    return bool(ask("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")[0][0])


def hurry(connection: Any) -> None:
    """Set it, in this transaction; raises what the driver raises where that has failed."""
    if connection.autocommit:
        return
    cursor = connection.cursor()
    try:
        cursor.execute("SET LOCAL deadlock_timeout = '1ms'")
    finally:
        cursor.close()


def cycle(error: BaseException, pid: int, waiting: list[int], keepers: list[int]) -> Pairs | None:
    """Who waited for whom, as the server tells it, beginning with whoever was not refused."""
    del waiting, keepers
    if (getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)) != _DEADLOCK:
        return None
    pairs = [(int(one), int(by)) for one, by in _CYCLE.findall(_detail(error))]
    return sorted(pairs, key=lambda pair: pair[0] == pid)


def _detail(error: BaseException) -> str:
    """psycopg tells it in ``diag``, asyncpg with the error beneath SQLAlchemy's."""
    found = getattr(getattr(error, "diag", None), "message_detail", None)
    return str(found or getattr(error.__cause__, "detail", ""))

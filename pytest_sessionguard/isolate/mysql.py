"""MySQL and MariaDB: whether a connection waits for a row, and which statement the server refuses.

InnoDB's monitor says who waits, not for whom; what does say it (``innodb_lock_waits``) is a copy
that may be a tenth of a second old. So those count who have locked something in these tables.
InnoDB looks for cycles by itself, at once, and refuses whoever has done least.

Source: https://dev.mysql.com/doc/refman/8.4/en/innodb-standard-monitor.html,
https://mariadb.com/kb/en/information-schema-innodb_trx-table/
"""

from __future__ import annotations

import re
from typing import Any

from pytest_sessionguard.isolate.server import Ask, Pairs

EXACT = False
_DEADLOCK = 1213
_READING = (
    "SELECT",
    "WITH",
    "SHOW",
    "SET",
    "SAVEPOINT",
    "RELEASE",
    "VALUES",
    "EXPLAIN",
    "ROLLBACK",
)
_LOCKING = re.compile(
    r"\bFOR (?:UPDATE|SHARE)\b|\bLOCK IN SHARE MODE\b|\bGET_LOCK\b", re.IGNORECASE
)
_WAITER = re.compile(r"^LOCK WAIT .*?thread id (\d+), OS thread", re.MULTILINE | re.DOTALL)


def pid_of(connection: Any) -> int | None:
    """The thread of the server that serves a connection."""
    driver = getattr(connection, "driver_connection", connection)
    ask = getattr(driver, "thread_id", None)
    pid = ask() if ask is not None else None
    return pid if isinstance(pid, int) else None


def is_open(connection: Any) -> bool:
    """Whether a connection may be in a transaction; the drivers tell it of some statements only."""
    driver = getattr(connection, "driver_connection", connection)
    closed = getattr(driver, "closed", not getattr(driver, "open", True))
    return not closed and not getattr(driver, "autocommit_mode", False)


def locks(statement: str) -> bool:
    """Whether others may have to wait for what a statement has taken."""
    verb = (statement.split(None, 1) or ("",))[0].upper()
    return verb not in _READING or _LOCKING.search(statement) is not None


def blocking(ask: Ask, pid: int, suspects: list[int]) -> list[int]:
    """Who may keep this one waiting, if it waits."""
    return suspects if pid in waiters(ask("SHOW ENGINE INNODB STATUS")[0][2]) else []


def waiters(monitor: str) -> set[int]:
    """The connections that wait for a lock, in the text of InnoDB's monitor."""
    found = (_WAITER.search(part) for part in monitor.split("\n---TRANSACTION "))
    return {int(each[1]) for each in found if each is not None}


def may_hurry(ask: Ask) -> bool:
    """It looks at once by itself."""
    del ask
    return False


def hurry(connection: Any) -> None:
    """Nothing to be done."""


def cycle(error: BaseException, pid: int, waiting: list[int], keepers: list[int]) -> Pairs | None:
    """The server does not say who had a part in it.

    Those that waited when the one refused came, or if nobody did, those that kept it when they came.
    """
    if not error.args or error.args[0] != _DEADLOCK:
        return None
    others = waiting or keepers
    return [*((one, pid) for one in others), *((pid, one) for one in others)]

"""What servers and their drivers tell: who waits, who was refused, and what is a driver's own."""

from __future__ import annotations

import asyncio
import sys
from types import SimpleNamespace

import pytest
from sqlalchemy.util import await_only, greenlet_spawn

from pytest_sessionguard.isolate import mysql, postgres
from pytest_sessionguard.observe import sqla

MONITOR = """
------------
TRANSACTIONS
------------
LIST OF TRANSACTIONS FOR EACH SESSION:
---TRANSACTION 22, ACTIVE 0 sec starting index read
mysql tables in use 1, locked 1
LOCK WAIT 2 lock struct(s), heap size 1128, 1 row lock(s)
MariaDB thread id 12, OS thread handle 139774160197312, query id 25 127.0.0.1 root Updating
update stock set n = n + 1 where id = 1
------- TRX HAS BEEN WAITING 22651 us FOR THIS LOCK TO BE GRANTED:
RECORD LOCKS space id 5 page no 3 n bits 320 index PRIMARY of table `test`.`stock` trx id 22
------------------
---TRANSACTION 21, ACTIVE 0 sec
2 lock struct(s), heap size 1128, 1 row lock(s), undo log entries 1
MySQL thread id 11, OS thread handle 139774160504512, query id 24 127.0.0.1 root
update stock set note = 'LOCK WAIT'
---TRANSACTION (0x7f1fb4cb8b80), not started
0 lock struct(s), heap size 1128, 0 row lock(s)
"""
DETAIL = (
    "Process 7 waits for ShareLock on transaction 1; blocked by process 8.\n"
    "Process 8 waits for ShareLock on transaction 2; blocked by process 7."
)


class Refused(Exception):
    sqlstate = "40P01"


def test_innodbs_monitor_says_who_waits_for_a_row():
    assert mysql.waiters(MONITOR) == {12}
    assert mysql.blocking(lambda query: [("InnoDB", "", MONITOR)], 12, [11]) == [11]
    assert mysql.blocking(lambda query: [("InnoDB", "", MONITOR)], 11, [12]) == []


def test_mysqls_cycle_is_of_those_that_wait_and_of_the_one_refused():
    refused = Exception(1213, "Deadlock found")
    assert mysql.cycle(refused, 7, [8], []) == [(8, 7), (7, 8)]
    assert mysql.cycle(refused, 7, [], [8]) == [(8, 7), (7, 8)], "refused while it waited"
    assert mysql.cycle(Exception(1205, "Lock wait timeout exceeded"), 7, [8], []) is None


@pytest.mark.parametrize("through", ["psycopg", "asyncpg"])
def test_postgres_names_its_cycle_and_the_one_refused_comes_last(through):
    error = Refused()
    if through == "psycopg":
        error.diag = SimpleNamespace(message_detail=DETAIL)
    else:
        error.__cause__ = Exception()
        error.__cause__.detail = DETAIL
    assert postgres.cycle(error, 7, [], []) == [(8, 7), (7, 8)]
    assert postgres.cycle(Exception("another fault"), 7, [], []) is None


def test_what_sqlalchemys_greenlet_awaits_is_a_drivers():
    async def driver():
        return sqla.is_awaited(sys._getframe())

    def operation():
        return sqla.is_awaited(sys._getframe()), await_only(driver())

    async def test():
        return await driver(), await greenlet_spawn(operation)

    assert asyncio.run(test()) == (False, (False, True))

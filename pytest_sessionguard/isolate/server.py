"""A side connection to a database server, and the thread that asks on it who is blocked by whom.

The thread is the interpreter's own, also after gevent has patched, and looks only while somebody is
in a driver that may have to wait. An async driver is asked there too, on a loop of the thread's own:
the loop of the workers may stand still while somebody waits for the answer.
"""

from __future__ import annotations

import _thread
import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Protocol

from pytest_sessionguard.backends.native import native
from pytest_sessionguard.isolate import drivers
from pytest_sessionguard.observe import sqla
from pytest_sessionguard.observe.blocking import Abroad, Wanted
from pytest_sessionguard.observe.strands import Strands

LOOK = 0.002
"""Seconds from a statement's beginning to the first look, and between two: a wait shows sooner."""

SURE, SURE_OF_CYCLES = 2, 20
"""Looks in a row that see somebody wait, before it counts: one of a cycle may be seen before it is
refused. More of them where the server refuses it at once, but does not say who is in a cycle."""

PATIENCE = 2.0
"""Seconds for a server to answer."""

Ask = Callable[[str], list[Any]]
"""Runs a query on the side connection; its rows."""


class Dialect(Protocol):
    """What differs between servers, and what a driver's connection is asked for.

    ``EXACT`` if ``blocking`` names only those that keep a statement.
    """

    EXACT: bool

    def pid_of(self, connection: Any) -> int | None:
        """By which number the server knows a DBAPI connection; None if the driver does not tell it."""

    def is_open(self, connection: Any) -> bool:
        """Whether a DBAPI connection is in a transaction."""

    def locks(self, statement: str) -> bool:
        """Whether others may have to wait for what a statement has taken."""

    def blocking(self, ask: Ask, pid: int, suspects: list[int]) -> list[int]:
        """Who keeps this one waiting; all ``suspects``, where the server does not say who it is."""

    def may_hurry(self, ask: Ask) -> bool:
        """Whether ``hurry`` would be allowed."""

    def hurry(self, connection: Any) -> None:
        """Have the server look for cycles at once, for the rest of this transaction."""

    def cycle(
        self, error: BaseException, pid: int, waiting: list[int], keepers: list[int]
    ) -> Pairs | None:
        """Of a statement that was refused since it was part of a cycle: who waits for whom, else None.

        ``waiting`` waited already when it began, ``keepers`` were then seen to keep it.
        """


Pairs = list[tuple[int, int]]
"""Connections of which the first waits for the second, by their numbers."""


class Trip:
    """One statement under way on connection ``pid``; ``done`` when it has ended.

    ``is_kept()`` asks the server whether it waits for somebody, ``is_lost()`` whether that is nobody
    known. ``keepers`` are the connections for which it did when that was last asked, and ``seen`` how
    often it did so in a row.
    """

    def __init__(self, pid: int, is_kept: Callable[[], bool], is_lost: Callable[[], bool]) -> None:
        self.pid = pid
        self.is_kept = is_kept
        self.is_lost = is_lost
        self.done = False
        self.keepers: list[int] = []
        self.seen = 0

    def is_done(self) -> bool:
        """Whether it has ended."""
        return self.done


class Book(Protocol):
    """What is known of the workers' connections."""

    def suspects(self, pid: int) -> list[int]:
        """Who may keep this one waiting."""

    def closes_cycle(self, trip: Trip) -> bool:
        """Whether a statement waits for itself in the end."""


class Question:
    """What is asked of the thread: ``answer()`` waits for what ``function`` returned there."""

    def __init__(self, function: Callable[[], Any], lock: Any) -> None:
        self._function = function
        self._result: Any = None
        self._answered = lock
        lock.acquire()

    def put(self) -> None:
        """Ask; called by the thread."""
        with contextlib.suppress(Exception):
            self._result = self._function()
        self._answered.release()

    def answer(self) -> Any:
        """What was returned; None when it raised, or has not come in time."""
        return self._result if self._answered.acquire(timeout=PATIENCE) else None


class Server:
    """What is asked of one server, for the time of one concurrent part.

    Raises ``ConnectionError`` when no connection can be had.
    """

    def __init__(self, engine: Any, dialect: Dialect, book: Book, strands: Strands) -> None:
        self._engine, self._dialect, self._strands = engine, dialect, strands
        self._book = book
        self._allocate = native("_thread", "allocate_lock", _thread.allocate_lock)
        self._loop = asyncio.new_event_loop() if engine.dialect.is_async else None
        self._connection: Any = None
        self._questions: list[Question] = []
        self._under_way: list[tuple[Trip, Abroad, Wanted]] = []
        self._closed = False
        self._awake = self._allocate()
        native("_thread", "start_new_thread", _thread.start_new_thread)(self._serve, ())
        if not self._put(self._connect):
            self.close()
            raise ConnectionError
        self.may_hurry = bool(self._put(lambda: dialect.may_hurry(self._rows)))

    def close(self) -> None:
        """Nobody asks any more."""
        self._put(self._disconnect)

    def look(self, trip: Trip) -> bool:
        """Whether the server keeps a statement waiting; ``trip`` is told by whom."""
        return not trip.done and bool(self._put(lambda: self._look(trip)))

    def refuses(self, trip: Trip) -> bool:
        """Whether nobody has to move for a statement to end: it is in a cycle, of which one is refused."""
        may_be = self._dialect.EXACT or trip.seen < SURE_OF_CYCLES
        return may_be and self._book.closes_cycle(trip)

    def watch(self, trip: Trip, abroad: Abroad, wanted: Wanted) -> None:
        """A statement begins that may have to wait: ``abroad`` is told when it does."""
        self._under_way.append((trip, abroad, wanted))
        self._wake()

    def _put(self, function: Callable[[], Any]) -> Any:
        question = Question(function, self._allocate())
        self._questions.append(question)
        self._wake()
        return question.answer()

    def _wake(self) -> None:
        with contextlib.suppress(RuntimeError):  # it has not yet looked since the last time
            self._awake.release()

    # -- what the thread does ------------------------------------------------------------------

    def _serve(self) -> None:
        self._strands.main().internal = True
        while not self._closed:
            if self._awake.acquire(timeout=LOOK if self._under_way else -1):
                while self._questions:
                    self._questions.pop(0).put()
            else:
                for each in [*self._under_way]:  # others may be added meanwhile
                    if not self._is_to_watch(*each):
                        self._under_way.remove(each)

    def _is_to_watch(self, trip: Trip, abroad: Abroad, wanted: Wanted) -> bool:
        if trip.done:
            return False
        with contextlib.suppress(Exception):
            kept = self._look(trip) and trip.seen >= SURE
            if kept and not self.refuses(trip) and wanted.held():
                abroad.waits(wanted)
                return False
        return True

    def _look(self, trip: Trip) -> bool:
        suspects = self._book.suspects(trip.pid)
        trip.keepers = self._dialect.blocking(self._rows, trip.pid, suspects)
        trip.seen = trip.seen + 1 if trip.keepers else 0
        return bool(trip.keepers)

    def _run(self, function: Callable[[], Any]) -> Any:
        return function() if self._loop is None else drivers.run(function, self._loop)

    def _connect(self) -> bool:
        self._connection = self._run(lambda: sqla.new_connection(self._engine.pool))
        set_level = self._engine.dialect.set_isolation_level
        self._run(lambda: set_level(self._connection, "AUTOCOMMIT"))
        return True

    def _disconnect(self) -> None:
        self._closed = True
        with contextlib.suppress(Exception):
            self._run(self._connection.close)
        if self._loop is not None:
            self._loop.close()

    def _rows(self, query: str) -> list[Any]:
        def ask() -> list[Any]:
            cursor = self._connection.cursor()
            try:
                cursor.execute(query)
                return list(cursor.fetchall())
            finally:
                cursor.close()

        rows: list[Any] = self._run(ask)
        return rows

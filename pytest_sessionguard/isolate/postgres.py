"""PostgreSQL: a worker that waits for a row, or for any other lock of the server, lets others go on.

It waits in its driver, where nobody can wake it. So whoever may have to wait is watched: after 2 ms
of silence a side connection asks the server by whom it is kept, and if those are connections of
other workers, another one goes on. When what keeps it has ended, it is awaited before the next
decision, so that no decision hangs on timing.

Of a cycle the server refuses one: whoever looks, after ``deadlock_timeout``. Where the user may set that,
it is so short that the one refused is always the one that closed the cycle.

Source: https://www.postgresql.org/docs/current/functions-info.html (pg_blocking_pids),
https://www.postgresql.org/docs/current/runtime-config-locks.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from pytest_sessionguard import events as ev
from pytest_sessionguard.isolate import executing
from pytest_sessionguard.isolate.server import Server, Trip, is_open, pid_of
from pytest_sessionguard.observe.blocking import Abroad, Held, Wanted
from pytest_sessionguard.observe.hooks import Hooks
from pytest_sessionguard.observe.recorder import Recorder
from pytest_sessionguard.observe.statements import tables_of

_DEADLOCK = "40P01"
_CYCLE = re.compile(r"Process (\d+) waits for .*?; blocked by process (\d+)")
_READING = ("SELECT", "WITH", "SHOW", "SET", "SAVEPOINT", "RELEASE", "VALUES", "EXPLAIN")
_LOCKING = re.compile(
    r"\bFOR (?:NO KEY )?(?:UPDATE|SHARE)|\bFOR KEY SHARE|\badvisory|^\s*WITH\b.*\b(?:INSERT|UPDATE|DELETE)\b",
    re.IGNORECASE | re.DOTALL,
)


class Use(NamedTuple):
    """A connection whose transaction has locked something: the tables, and the lines."""

    connection: Any
    locked: list[tuple[frozenset[str], Held]]


class Asked(NamedTuple):
    """What the last statement that was watched on a connection asked for, and who did."""

    what: str
    tables: frozenset[str]
    who: Held


class RowLocks:
    """The locks of PostgreSQL servers while workers take turns."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._uses: dict[int, Use] = {}
        self._asked: dict[int, Asked] = {}
        self._servers: dict[int, Server | None] = {}
        self._under_way: set[int] = set()

    def listen(self, hooks: Hooks) -> None:
        """Watch the statements of all engines, while workers take turns."""
        executing.install(self._run, hooks)

    def begin(self, hooks: Hooks) -> None:
        """Begin one concurrent part; no connection of ours outlives it."""
        self._uses, self._asked, self._servers, self._under_way = {}, {}, {}, set()
        hooks.on_remove(self._close)

    def _close(self) -> None:
        servers, self._servers = self._servers, {}
        for server in servers.values():
            if server is not None:
                server.close()

    def _run(self, context: Any, statement: str, attempt: Callable[[], Any]) -> bool:
        """True when the statement was run here, so that SQLAlchemy does not run it again."""
        scheduler, dialect = self._recorder.scheduler, context.dialect
        if scheduler is None or dialect.name != "postgresql" or dialect.is_async:
            return False
        connection = context.root_connection.connection.dbapi_connection
        pid = pid_of(connection)
        if pid is None:
            return False
        if not is_open(connection):
            self._uses.pop(pid, None)
        server = self._server(context.engine) if self._may_wait(pid) else None
        abroad = scheduler.go_abroad() if server is not None else None

        def run() -> None:
            attempt()
            self._recorder.shielded(self._ran, pid, connection, statement)

        if server is None or abroad is None:
            run()
        else:
            if self._under_way:  # only who comes second can close a cycle
                server.hurry(connection)
            self._watched(server, abroad, pid, tables_of(statement), run)
        return True

    def _watched(
        self,
        server: Server,
        abroad: Abroad,
        pid: int,
        tables: tuple[str, ...],
        run: Callable[[], None],
    ) -> None:
        trip = Trip(server, pid)
        what = f"a row of {tables[0]}" if tables else "a lock of the database"
        who = Held(*self._recorder.who(), self._recorder.stack(), "asked for it before")
        asked = self._asked[pid] = Asked(what, frozenset(tables), who)
        wanted = Wanted(
            "row", what, trip.is_back, lambda: self._held(server.blocking(pid), asked.tables)
        )
        # When one is refused the others go on at once, before it can be told what they held.
        before = {other: Use(use.connection, [*use.locked]) for other, use in [*self._uses.items()]}
        self._under_way.add(pid)
        server.watch(trip, abroad, wanted)
        try:
            run()
        except Exception as error:
            self._recorder.shielded(self._refused, pid, error, before)
            raise
        finally:
            trip.done = True
            self._under_way.discard(pid)
            abroad.back()

    def _server(self, engine: Any) -> Server | None:
        """Whom to ask; None if there is no connection to be had."""
        key = id(engine.pool)
        if key not in self._servers:
            try:
                self._servers[key] = Server(engine)
            except Exception:
                self._servers[key] = None
        return self._servers[key]

    # -- who holds what --------------------------------------------------------------------

    def _may_wait(self, pid: int) -> bool:
        """Whether another connection has a transaction open that has locked something."""
        return any(other != pid and is_open(use.connection) for other, use in [*self._uses.items()])

    def _ran(self, pid: int, connection: Any, statement: str) -> None:
        if not _locks(statement) or not is_open(connection):
            return
        strand = self._recorder.strands.current()
        worker = self._recorder.strands.worker(strand)
        held = Held(strand, worker, self._recorder.stack(), "wrote in an open transaction")
        use = self._uses.setdefault(pid, Use(connection, []))
        use.locked.append((frozenset(tables_of(statement)), held))

    def _held(self, pids: list[int], tables: frozenset[str]) -> list[Held] | None:
        """Who keeps these rows, or waits for them ahead; None if that is somebody unknown."""
        found = []
        for pid in pids:
            line = last_locked(self._uses.get(pid), tables)
            if line is None and pid in self._under_way:
                line = self._asked[pid].who
            if line is None:
                return None
            found.append(line)
        return found

    # -- a cycle -----------------------------------------------------------------------------

    def _refused(self, pid: int, error: Exception, before: dict[int, Use]) -> None:
        """The server has refused a statement that closed a cycle, and says which cycle."""
        if (getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)) != _DEADLOCK:
            return
        detail = str(getattr(getattr(error, "diag", None), "message_detail", ""))
        pairs = [(int(one), int(by)) for one, by in _CYCLE.findall(detail)]
        waiting = []
        for one, by in sorted(pairs, key=lambda pair: pair[0] == pid):
            asked = self._asked.get(one)
            line = last_locked(before.get(by), asked.tables) if asked is not None else None
            if asked is None or line is None:
                return  # somebody else's connection has a part in it
            strand, worker, stack, _ = asked.who
            held = (self._told(line),)
            waiting.append(
                ev.Waiting(
                    strand.token, worker.token, "row", asked.what, stack, held, one == pid
                )
            )  # fmt: skip
        if waiting:
            self._recorder.trace.note(ev.Stuck(tuple(waiting)))

    def _told(self, held: Held) -> ev.HeldBy:
        self._recorder.announce(held.strand)
        return ev.HeldBy(held.strand.token, held.worker.token, held.what, held.stack)


def last_locked(use: Use | None, tables: frozenset[str]) -> Held | None:
    """Where a transaction has last locked any of these tables, or anything."""
    if use is None or not use.locked:
        return None
    same = [line for locked, line in use.locked if locked & tables]
    return same[-1] if same else use.locked[-1][1]


def _locks(statement: str) -> bool:
    """Whether others may have to wait for what a statement has taken."""
    verb = (statement.split(None, 1) or ("",))[0].upper()
    return verb not in _READING or _LOCKING.search(statement) is not None

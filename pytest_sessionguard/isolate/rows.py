"""Servers: a worker that waits for a row, or for any other lock of the server, lets others go on.

It waits in its driver, where nobody can wake it. So whoever may have to wait is watched: after 2 ms
of silence a side connection asks the server by whom it is kept, and if those are connections of
other workers, another one goes on. When what keeps it has ended, it is awaited before the next
decision, so that no decision hangs on timing. Whoever is not kept is served, however long that takes.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from pytest_sessionguard import events as ev
from pytest_sessionguard.isolate import drivers, executing, mysql, postgres
from pytest_sessionguard.isolate.server import Dialect, Pairs, Server, Trip
from pytest_sessionguard.observe.blocking import Abroad, Held, Wanted
from pytest_sessionguard.observe.hooks import Hooks
from pytest_sessionguard.observe.recorder import Recorder
from pytest_sessionguard.observe.statements import tables_of

DIALECTS: dict[str, Dialect] = {"postgresql": postgres, "mysql": mysql, "mariadb": mysql}
"""Whose rows are known, by SQLAlchemy's names."""


class Use(NamedTuple):
    """A connection whose transaction has locked something: the tables, and the lines."""

    connection: Any
    dialect: Dialect
    locked: list[tuple[frozenset[str], Held]]

    def is_open(self) -> bool:
        """Whether that transaction still goes on."""
        return self.dialect.is_open(self.connection)

    def copy(self) -> Use:
        """The same as it is now."""
        return self._replace(locked=[*self.locked])


class Left(NamedTuple):
    """A connection that a worker has used, and the loop on which it did."""

    connection: Any
    dialect: Dialect
    loop: asyncio.AbstractEventLoop | None

    def roll_back(self) -> None:
        """End its transaction, if it has one. Raises what the driver raises."""
        if not self.dialect.is_open(self.connection):
            return
        if self.loop is None:
            self.connection.rollback()
        elif not self.loop.is_closed() and not self.loop.is_running():
            drivers.run(self.connection.rollback, self.loop)


class Asked(NamedTuple):
    """What the last statement that was watched on a connection asked for, and who did."""

    what: str
    tables: frozenset[str]
    who: Held


class RowLocks:
    """The locks of servers while workers take turns."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._left: dict[int, Left] = {}
        self._forget()

    def _forget(self) -> None:
        self._uses: dict[int, Use] = {}
        self._asked: dict[int, Asked] = {}
        self._servers: dict[int, Server | None] = {}
        self._under_way: dict[int, Trip] = {}

    def listen(self, hooks: Hooks) -> None:
        """Watch the statements of all engines, while workers take turns."""
        executing.install(self._run, hooks)

    def begin(self, engines: list[Any], hooks: Hooks) -> None:
        """Begin one concurrent part on these engines; no connection of ours outlives it."""
        self._forget()
        self._left = {}
        hooks.on_remove(self._close)
        for engine in engines:
            for name in ("do_commit", "do_rollback"):
                ends = partial(self._ends, engine, getattr(engine.dialect, name))
                hooks.replace(engine.dialect, name, ends)

    def _close(self) -> None:
        servers = [*self._servers.values()]
        self._forget()
        for server in servers:
            if server is not None:
                server.close()

    def roll_back_left_open(self) -> None:
        """Roll back what workers have begun and not ended: it would keep a DROP TABLE waiting."""
        left, self._left = self._left, {}
        for each in left.values():
            with contextlib.suppress(Exception):  # it is broken, or of its own thread only
                each.roll_back()

    def _ends(self, engine: Any, end: Callable[[Any], None], connection: Any) -> None:
        """A COMMIT or ROLLBACK: nothing is locked afterwards, and until then the server works."""
        dialect = DIALECTS[engine.dialect.name]
        pid = _pid_of(dialect, getattr(connection, "dbapi_connection", connection))
        if self._recorder.scheduler is None or pid is None:
            end(connection)
            return
        trip = self._trip(engine, pid)
        with _abroad(trip, self._recorder.scheduler.go_abroad(trip, may_be_kept=False)):
            end(connection)
        self._uses.pop(pid, None)

    def _run(self, context: Any, statement: str, attempt: Callable[[], Any]) -> bool:
        """True when the statement was run here, so that SQLAlchemy does not run it again."""
        scheduler, dialect = self._recorder.scheduler, DIALECTS.get(context.dialect.name)
        if scheduler is None or dialect is None:
            return False
        connection = context.root_connection.connection.dbapi_connection
        pid = _pid_of(dialect, connection)
        if pid is None:
            return False
        if not dialect.is_open(connection):
            self._uses.pop(pid, None)
        self._left[pid] = Left(connection, dialect, asyncio._get_running_loop())
        server = self._server(context.engine) if self._may_wait(pid) else None
        shared = pid in self._under_way  # then the driver keeps this one, whatever the server does
        trip = self._trip(context.engine, pid)
        abroad = scheduler.go_abroad(trip, server is not None)

        def run() -> None:
            attempt()
            self._recorder.shielded(self._ran, dialect, pid, connection, statement)

        with _abroad(trip, abroad):
            if server is None or abroad is None or shared:
                run()
            else:
                if self._under_way and server.may_hurry:  # only who comes second can close a cycle
                    with contextlib.suppress(Exception):  # the transaction has failed already
                        dialect.hurry(connection)
                self._watched(server, dialect, abroad, trip, tables_of(statement), run)
        return True

    def _watched(
        self,
        server: Server,
        dialect: Dialect,
        abroad: Abroad,
        trip: Trip,
        tables: tuple[str, ...],
        run: Callable[[], None],
    ) -> None:
        what = f"a row of {tables[0]}" if tables else "a lock of the database"
        who = Held(*self._recorder.who(), self._recorder.stack(), "asked for it before")
        asked = self._asked[trip.pid] = Asked(what, frozenset(tables), who)
        wanted = Wanted("row", what, trip.is_done, lambda: self._held(trip.keepers, asked.tables))
        # When one is refused the others go on at once, before it can be told what they held.
        before = {pid: use.copy() for pid, use in [*self._uses.items()]}
        waiting = [pid for pid, one in [*self._under_way.items()] if one.keepers]
        self._under_way[trip.pid] = trip
        server.watch(trip, abroad, wanted)
        try:
            run()
        except Exception as error:
            pairs = dialect.cycle(error, trip.pid, waiting, trip.keepers)
            self._recorder.shielded(self._refused, trip.pid, pairs or [], before)
            raise
        finally:
            self._under_way.pop(trip.pid, None)

    # -- asking ------------------------------------------------------------------------------

    def _server(self, engine: Any) -> Server | None:
        """Whom to ask; None if there is no connection to be had."""
        key = id(engine.pool)
        if key not in self._servers:
            try:
                dialect = DIALECTS[engine.dialect.name]
                self._servers[key] = Server(engine, dialect, self, self._recorder.strands)
            except Exception:
                self._servers[key] = None
        return self._servers[key]

    def _trip(self, engine: Any, pid: int) -> Trip:
        trip = Trip(pid, lambda: self._is_kept(engine, trip), lambda: self._is_lost(engine, trip))
        return trip

    def _is_kept(self, engine: Any, trip: Trip) -> bool:
        """Whether a statement waits for somebody; taken to be so when nobody can be asked."""
        server = self._server(engine)
        return server is None or server.look(trip)

    def _is_lost(self, engine: Any, trip: Trip) -> bool:
        """Whether it waits for somebody unknown: of whoever is watched the others are told."""
        watched = self._under_way.get(trip.pid)
        if watched is None:
            return self._is_kept(engine, trip)
        if watched is not trip:
            return True  # another statement is under way on this connection: the driver waits
        tables = self._asked[trip.pid].tables
        return self._is_kept(engine, trip) and self._held(trip.keepers, tables) is None

    def closes_cycle(self, trip: Trip) -> bool:
        """Whether a statement waits for itself in the end: the server refuses one, and none goes on else."""
        seen, asked = set(), {*trip.keepers}
        while asked:
            seen |= asked
            trips = [self._under_way[pid] for pid in asked if pid in self._under_way]
            asked = {pid for each in trips for pid in each.keepers} - seen
        return trip.pid in seen

    # -- who holds what --------------------------------------------------------------------

    def _may_wait(self, pid: int) -> bool:
        """Whether another connection has a transaction open that has locked something."""
        return any(other != pid and use.is_open() for other, use in [*self._uses.items()])

    def suspects(self, pid: int) -> list[int]:
        """Who may keep this connection: whoever has locked something in the same tables, or anything."""
        asked = self._asked.get(pid)
        others = {one: use for one, use in [*self._uses.items()] if one != pid and use.is_open()}
        same = [
            one
            for one, use in others.items()
            if asked is not None and any(tables & asked.tables for tables, _ in use.locked)
        ]
        return same or [*others]

    def _ran(self, dialect: Dialect, pid: int, connection: Any, statement: str) -> None:
        if not dialect.locks(statement) or not dialect.is_open(connection):
            return
        strand = self._recorder.strands.current()
        worker = self._recorder.strands.worker(strand)
        held = Held(strand, worker, self._recorder.stack(), "wrote in an open transaction")
        use = self._uses.setdefault(pid, Use(connection, dialect, []))
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

    def _refused(self, pid: int, pairs: Pairs, before: dict[int, Use]) -> None:
        """The server has refused a statement that closed a cycle: of these, if there are any."""
        waiting = []
        for one, by in pairs:
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


@contextlib.contextmanager
def _abroad(trip: Trip, abroad: Abroad | None) -> Iterator[None]:
    """While a statement is under way; whoever has made it goes on in its turn."""
    try:
        yield
    finally:
        trip.done = True
        if abroad is not None:
            abroad.back()


def _pid_of(dialect: Dialect, connection: Any) -> int | None:
    try:
        return dialect.pid_of(connection)
    except Exception:  # each driver says in its own way that a connection is closed
        return None


def last_locked(use: Use | None, tables: frozenset[str]) -> Held | None:
    """Where a transaction has last locked any of these tables, or anything."""
    if use is None or not use.locked:
        return None
    same = [line for locked, line in use.locked if locked & tables]
    return same[-1] if same else use.locked[-1][1]

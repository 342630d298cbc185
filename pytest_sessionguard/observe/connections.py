"""Observes pools: who took a connection, for which session, and whether it came back."""

from __future__ import annotations

import threading
import weakref
from typing import Any

from pytest_sessionguard import events as ev
from pytest_sessionguard.observe import sqla
from pytest_sessionguard.observe.blocking import Held
from pytest_sessionguard.observe.hooks import Hooks
from pytest_sessionguard.observe.recorder import Label, Recorder
from pytest_sessionguard.observe.slots import Slots, Who
from pytest_sessionguard.observe.strand import Worker, held_locks
from pytest_sessionguard.observe.strands import NATIVE_LOCAL
from pytest_sessionguard.observe.transparent import around

_OUT = "_sessionguard_out"
_HELD = "_sessionguard_held"
_POOL = "_sessionguard_pool"
_MADE = "_sessionguard_made"


_IN_MEMORY = (None, "", ":memory:")
HOLDS = "holds a connection"


Out = tuple[int, int, Any, Who | None]
"""Of a connection that somebody has: its token, its pool's, the pool, and who of the workers."""


class Connections:
    """The hooks on connection pools. ``taken`` is called with each record that leaves a pool.

    ``engines`` are those made since, as long as they live; ``patched`` is where gevent patched.
    """

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.taken: Any = None
        self.patched: ev.Site | None = None
        self.slots = Slots(recorder)
        self.engines: weakref.WeakSet[Any] = weakref.WeakSet()
        self._databases: dict[str, Label] = {}
        self._announced: dict[int, int] = {}
        self._late_in: dict[int, int] = {}

    def install(self, hooks: Hooks) -> None:
        """Wrap checkout and return, and remember engines."""
        from sqlalchemy import Engine
        from sqlalchemy.pool.base import _ConnectionFairy, _ConnectionRecord

        hooks.wrap(Engine, "__init__", self._wrap_engine)
        hooks.wrap(_ConnectionRecord, "checkout", self._wrap_checkout)
        hooks.wrap(_ConnectionRecord, "checkin", self._wrap_checkin)
        hooks.wrap(_ConnectionFairy, "detach", self._wrap_detach)

    def _pool(self, pool: Any) -> int:
        """The token of a pool, described in this trace."""
        token: int | None = pool.__dict__.get(_POOL)
        if token is None:
            token = pool.__dict__[_POOL] = self.recorder.next_token()
            _hush(pool)
        if self._announced.get(token) != self.recorder.epoch.number:
            self._announced[token] = self.recorder.epoch.number
            kind = type(pool).__name__
            shared = kind in sqla.SHARED_POOLS
            self.recorder.trace.note(ev.PoolMade(token, kind, sqla.pool_limit(pool), shared))
        return token

    def _wrap_engine(self, original: Any) -> Any:
        def making(engine: Any, action: str) -> Any:
            del action
            return engine

        # SQLAlchemy reads the names of this method's arguments, so it keeps them.
        return around(original, "make", making, self._made, "self")

    def _made(self, engine: Any) -> None:
        self.engines.add(engine)
        self.recorder.shielded(self._name, engine)
        pool = sqla.own_attributes(engine).get("pool")
        if pool is not None and self.recorder.active:
            pool.__dict__[_MADE] = self.recorder.shielded(self.recorder.stack)

    def _name(self, engine: Any) -> None:
        label, path = self.recorder.label("database"), engine.url.database
        if path not in _IN_MEMORY:
            label = self._databases.setdefault(path, label)  # engines on one file share its locks
        engine.dialect.__dict__[sqla.LABEL] = label

    def _late(self, pool: Any, token: int, worker: Worker, stack: ev.Stack) -> None:
        """Note a queue of connections that was built before gevent patched, and serves greenlets.

        A greenlet that waits for a connection then stops the whole thread, and with it whoever
        would give one back.
        """
        if (
            threading.local is NATIVE_LOCAL
            or self._late_in.get(token) == self.recorder.epoch.number
        ):
            return
        self._late_in[token] = self.recorder.epoch.number
        made = pool.__dict__.get(_MADE)
        if made and sqla.pool_limit(pool) is not None and sqla.waits_natively(pool):
            self.recorder.trace.note(
                ev.LatePatch("pool", token, made, self.patched, stack, worker.token)
            )

    def _wrap_checkout(self, original: Any) -> Any:
        recorder, out = self.recorder, self._checked_out

        def checkout(cls: Any, pool: Any) -> Any:
            fairy = original(cls, pool)
            if recorder.active:
                try:
                    out(pool, fairy._connection_record)
                except Exception as error:
                    recorder.fault(error)
            return fairy

        return checkout

    def _checked_out(self, pool: Any, record: Any) -> None:
        recorder = self.recorder
        strand, worker = recorder.who()
        connection, token = recorder.next_token(), self._pool(pool)
        self._forget(record)  # it came back while nobody watched
        record.__dict__[_OUT] = (connection, token, pool, self.slots.taken(pool))
        if strand.operations:
            operation = strand.operations[-1]
            session, stack = operation.token, operation.stack
        else:
            session, stack = None, recorder.here()
        record.__dict__[sqla.LABEL] = recorder.label("connection") if recorder.scheduler else None
        if recorder.scheduler is not None:
            stack = recorder.stack()  # all lines: who waits for it may be told of it
        clock = strand.clock
        locks = held_locks(strand)
        recorder.trace.note(
            ev.CheckedOut(
                connection, token, session, strand.token, worker.token, stack, clock.tick + 1,
                clock.seen, locks,
            )
        )  # fmt: skip
        pool.__dict__.setdefault(_HELD, {})[connection] = Held(strand, worker, stack, HOLDS)
        if self.taken is not None:
            self.taken(record, stack)
        if recorder.strands.greenlets and strand.kind == "greenlet":
            self._late(pool, token, worker, stack)

    def _wrap_checkin(self, original: Any) -> Any:
        recorder, back = self.recorder, self._checked_in

        def checkin(self: Any, *args: Any, **kwargs: Any) -> Any:
            if recorder.active:
                try:
                    back(self)
                except Exception as error:
                    recorder.fault(error)
            return original(self, *args, **kwargs)

        return checkin

    def _wrap_detach(self, original: Any) -> Any:
        """A detached connection is its user's own; the pool gets another."""
        recorder, back = self.recorder, self._checked_in

        def detach(self: Any) -> Any:
            if self._connection_record is not None:
                recorder.shielded(back, self._connection_record)
            return original(self)

        return detach

    def _forget(self, record: Any) -> Out | None:
        """A connection is with nobody any more; what was known of it."""
        out: Out | None = record.__dict__.pop(_OUT, None)
        if out is not None:
            connection, _, pool, who = out
            pool.__dict__.get(_HELD, {}).pop(connection, None)
            self.slots.returned(pool, who)
        return out

    def _checked_in(self, record: Any) -> None:
        out = self._forget(record)
        if out is not None:
            connection, token, _, _ = out
            by_collector = sqla.returned_by_collector(record)
            self.recorder.trace.note(ev.CheckedIn(connection, token, by_collector))


def held(pool: Any) -> list[Held] | None:
    """Who has the connections of a pool; None if somebody does of whom nobody was told."""
    known = list(pool.__dict__.get(_HELD, {}).values())
    return known if len(known) >= pool.checkedout() else None


class _Hushed(threading.Condition):
    """A condition that no hook asks: a pool's own, which orders nobody.

    Each checkout and each return enters and notifies one; asking who had called cost as much as
    all the rest of both.
    """

    notify, wait, wait_for, __enter__ = (
        threading.Condition.notify, threading.Condition.wait, threading.Condition.wait_for,
        threading.Condition.__enter__,
    )  # fmt: skip


def _hush(pool: Any) -> None:
    for condition in sqla.conditions(pool):
        if type(condition) is threading.Condition:
            condition.__class__ = _Hushed

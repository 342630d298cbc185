"""SQLAlchemy's private names and version differences: nowhere else.

Each name was read and run on SQLAlchemy 2.0.44 and 2.1.9; ``tests/unit/test_sqla_names.py`` fails
when one of them goes away or changes its meaning.
"""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

PRIVATE_NAMES = {
    "sqlalchemy.orm.session:Session._before_attach": "called with (state, obj) before an attach",
    "sqlalchemy.orm.session:Session._transaction": "the SessionTransaction, None when there is none",
    "sqlalchemy.orm.session:Session._new": "pending states",
    "sqlalchemy.orm.session:Session._deleted": "states marked for deletion",
    "sqlalchemy.orm.session:SessionTransaction._connections": "connections taken, by engine",
    "sqlalchemy.orm.session:_sessions": "hash_key -> Session, weak",
    "sqlalchemy.orm.state:InstanceState._detach_states": "classmethod (states, session, ...)",
    "sqlalchemy.orm.state:InstanceState._modified_event": "called with (dict, attr, ...) on a change; "
    "attr.uses_objects: whether its values are instances",
    "sqlalchemy.orm.identity:IdentityMap._modified": "states with unwritten changes",
    "sqlalchemy.orm.identity:IdentityMap.get": "called with the key before a row is loaded",
    "sqlalchemy.pool.base:_ConnectionRecord.checkout": "classmethod (pool) -> fairy",
    "sqlalchemy.pool.base:_ConnectionRecord.checkin": "the connection goes back",
    "sqlalchemy.pool.base:Pool._creator": "makes a connection; with _recycle, _reset_on_return, "
    "_pre_ping, _dialect and _orig_logging_name all that a like pool needs",
    "sqlalchemy.pool.impl:QueuePool._do_get": "waits when _overflow has reached _max_overflow (-1: no limit)",
    "sqlalchemy.util.queue:Queue.get": "QueuePool._do_get calls (block, _timeout); Empty if none came; "
    "AsyncAdaptedQueue.get too",
    "sqlalchemy.pool.impl:SingletonThreadPool._do_get": "keeps the record in the thread-local _conn.current",
    "sqlalchemy.pool.impl:StaticPool.connection": "the record, once it has been made",
    "sqlalchemy.pool.base:_ConnectionRecord.fairy_ref": "weak: who has it; dead if collected",
    "sqlalchemy.pool.impl:QueuePool._pool": "a queue with conditions not_empty and not_full",
    "sqlalchemy.util._collections:ScopedRegistry": "__call__, has, clear; ThreadLocalRegistry too",
}
CHECKED_ON = ("2.0.44", "2.1.9")

OPERATIONS = (
    "add", "add_all", "begin", "begin_nested", "bulk_insert_mappings", "bulk_save_objects",
    "bulk_update_mappings", "close", "commit", "connection", "delete", "delete_all",
    "enable_relationship_loading", "execute", "expire", "expire_all", "expunge", "expunge_all",
    "flush", "get", "get_one", "invalidate", "merge", "merge_all", "prepare", "query", "refresh",
    "reset", "rollback", "scalar", "scalars",
)  # fmt: skip
"""The public Session methods that are operations; 2.0 lacks ``merge_all`` and ``delete_all``."""

TRANSACTION_OPERATIONS = ("commit", "rollback", "close", "prepare")
LOADERS = frozenset(
    {"sqlalchemy.orm.strategies", "sqlalchemy.orm.loading", "sqlalchemy.orm.dynamic"}
)
SHARED_POOLS = {"StaticPool", "SingletonThreadPool"}


def left_state(session: Any) -> str:
    """What an operation left behind: ``"dirty"``, ``"open"`` (a connection is held) or ``""``."""
    if session._new or session._deleted or session.identity_map._modified:
        return "dirty"
    transaction = session._transaction
    if transaction is not None and transaction._connections:
        return "open"
    return ""


def session_of_state(state: Any) -> Any:
    """The Session that an InstanceState is attached to, None when it is in none."""
    return live_sessions().get(state.session_id) if state.session_id else None


def is_state(thing: Any) -> bool:
    """Whether this is the InstanceState of an instance."""
    return type(thing) is sys.modules["sqlalchemy.orm.state"].InstanceState


def is_column(attribute: Any) -> bool:
    """Whether this is the implementation of an attribute that holds a plain value, no instances."""
    return attribute is not None and not attribute.uses_objects


def identity_map_class() -> Any:
    """The class of every Session's identity map; 2.1 put an underscore before its name."""
    from sqlalchemy.orm import identity

    names = vars(identity)
    return names.get("_WeakInstanceDict") or names["WeakInstanceDict"]


def live_sessions() -> Any:
    """``hash_key`` -> Session, for all living sessions."""
    return sys.modules["sqlalchemy.orm.session"]._sessions


def is_bound(session: Any) -> bool:
    """Whether the session knows an engine for any mapper."""
    if session.bind is not None:
        return True
    # ``binds`` from 2.1 on, a private name before
    return bool(getattr(session, "binds", None) or getattr(session, "_Session__binds", None))


def sync_session(session: Any) -> Any:
    """The Session inside an AsyncSession; any other object as it is."""
    return own_attributes(session).get("sync_session", session)


def own_attributes(thing: Any) -> dict[str, Any]:
    """The instance dictionary of anything, without running code of its class."""
    try:
        found = object.__getattribute__(thing, "__dict__")
    except (AttributeError, TypeError):
        return {}
    return found if type(found) is dict else {}


def class_and_attribute(raising: Any) -> tuple[str, str, Any]:
    """From the frame that raises DetachedInstanceError: class, attribute and InstanceState."""
    from sqlalchemy import inspect

    names = raising.f_locals
    state = names.get("state")
    owner = names.get("self")
    if state is None and owner is not None and hasattr(owner, "instance"):
        state = inspect(owner.instance, raiseerr=False)
    attribute = getattr(owner, "key", None) or getattr(getattr(owner, "attr", None), "key", None)
    if attribute is None:
        every = ", ".join(sorted(names.get("attribute_names") or ()))
        attribute = _attribute_asked_for(raising) or every
    label = state.class_.__name__ if state is not None else "instance"
    return label, str(attribute or "?"), state


def _attribute_asked_for(frame: Any) -> str | None:
    """The attribute whose ``__get__`` led here: an expired instance refreshes all it has at once."""
    while frame is not None and frame.f_globals.get("__name__", "").startswith("sqlalchemy."):
        key = getattr(frame.f_locals.get("self"), "key", None)
        if isinstance(key, str):
            return key
        frame = frame.f_back
    return None


def pool_limit(pool: Any) -> int | None:
    """The most connections that a pool gives out at once, None when there is no limit."""
    overflow = getattr(pool, "_max_overflow", None)
    size = getattr(pool, "size", None)
    if overflow is None or overflow < 0 or size is None:
        return None
    return int(size()) + int(overflow) or None


def only_connection(pool: Any) -> Any:
    """The DBAPI connection of a pool that has one for everybody, or one for this thread."""
    if type(pool).__name__ == "StaticPool":
        record = vars(pool).get("connection")
    else:
        reference = getattr(getattr(pool, "_conn", None), "current", None)
        record = reference() if reference is not None else None
    return getattr(record, "dbapi_connection", None)


def is_all_there(pool: Any) -> bool:
    """Whether nobody has a connection of this pool; False where the pool does not count them."""
    count = getattr(pool, "checkedout", None)
    return count is not None and count() == 0


def queue_pool_like(pool: Any) -> Any:
    """A QueuePool with the creator, the listeners and the habits of another pool."""
    from sqlalchemy.pool import AsyncAdaptedQueuePool, QueuePool

    kind = AsyncAdaptedQueuePool if pool._dialect.is_async else QueuePool
    return kind(
        pool._creator, pool_size=20, max_overflow=-1, recycle=pool._recycle, echo=pool.echo,
        logging_name=pool._orig_logging_name, reset_on_return=pool._reset_on_return,
        pre_ping=pool._pre_ping, _dispatch=pool.dispatch, dialect=pool._dialect,
    )  # fmt: skip


def new_connection(pool: Any) -> Any:
    """A DBAPI connection as the pool would make one, which the pool does not know of."""
    return pool._creator()


def waits_natively(pool: Any) -> bool:
    """Whether waiting for a connection of this pool stops the thread, whoever has patched since."""
    lock = own_attributes(pool).get("_overflow_lock")
    return type(lock).__module__ == "_thread"


def can_give(pool: Any) -> bool:
    """Whether a pool would give out a connection without anybody waiting."""
    limit = getattr(pool, "_max_overflow", -1)
    return limit < 0 or pool.checkedin() > 0 or pool._overflow < limit


def waiting_queues() -> tuple[Any, Any]:
    """The classes of queue in which pools keep their connections, and a checkout waits."""
    from sqlalchemy.util import queue

    return queue.Queue, queue.AsyncAdaptedQueue


def pool_asking(frame: FrameType) -> Any:
    """The pool whose method asks its queue for a connection in ``frame``; None if none does."""
    pool = frame.f_locals.get("self")
    return pool if frame.f_code.co_name == "_do_get" and hasattr(pool, "_overflow") else None


def patience(pool: Any) -> float:
    """How long a pool lets a checkout wait, in seconds."""
    return float(pool._timeout)


def returned_by_collector(record: Any) -> bool:
    """Whether a connection comes back because whoever had it is no more."""
    holder = record.fairy_ref
    return holder is not None and holder() is None


def is_awaited(frame: FrameType | None) -> bool:
    """Whether a coroutine runs that SQLAlchemy's greenlet awaits: a driver's."""
    spawn = sys.modules["sqlalchemy.util"].greenlet_spawn.__code__
    while frame is not None and frame.f_code is not spawn:
        frame = frame.f_back
    return frame is not None


LABEL = "_sessionguard_label"
"""Where a connection record and a dialect keep what the guard calls them."""


def label_of_connection(connection: Any) -> Any:
    """The label that a Connection's record got when it was checked out."""
    return own_attributes(connection.connection._connection_record).get(LABEL)


def label_of_pool(pool: Any) -> Any:
    """The label of the engine that a pool was made for."""
    return own_attributes(getattr(pool, "_dialect", None)).get(LABEL)


def label_of_database(connection: Any) -> Any:
    """The label of a Connection's engine, which its sub-engines share."""
    return own_attributes(connection.dialect).get(LABEL)


def conditions(pool: Any) -> list[Any]:
    """The conditions by which a queue of connections tells its own waiters."""
    queue = own_attributes(getattr(pool, "_pool", None))
    return [queue[name] for name in ("not_empty", "not_full") if name in queue]

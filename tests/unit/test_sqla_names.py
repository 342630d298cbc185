"""The private names of SQLAlchemy that the guard uses, on the installed version."""

from __future__ import annotations

import gc
import importlib
import inspect
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    scoped_session,
    sessionmaker,
)
from sqlalchemy.orm.exc import DetachedInstanceError
from sqlalchemy.orm.state import InstanceState
from sqlalchemy.pool import NullPool, QueuePool, SingletonThreadPool, StaticPool
from sqlalchemy.pool.base import _ConnectionRecord
from sqlalchemy.util import ScopedRegistry, ThreadLocalRegistry

from pytest_sessionguard.observe import sqla


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


@pytest.fixture(scope="module")
def engine() -> Iterator[Any]:
    made = create_engine("sqlite://", poolclass=StaticPool)
    Base.metadata.create_all(made)
    yield made
    made.dispose()


@pytest.fixture
def session(engine: Any) -> Iterator[Session]:
    with Session(engine) as made:
        yield made


def called(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[Any]:
    """The arguments with which SQLAlchemy itself calls a method."""
    calls: list[Any] = []
    static = inspect.getattr_static(owner, name)
    original = getattr(static, "__func__", static)

    def noting(*args: Any, **kwargs: Any) -> Any:
        calls.append(args)
        return original(*args, **kwargs)

    kind = type(static) if isinstance(static, classmethod) else lambda function: function
    monkeypatch.setattr(owner, name, kind(noting))
    return calls


# -- what each name means ------------------------------------------------------------------------

Meaning = Callable[[Session, pytest.MonkeyPatch], None]


def before_attach(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = called(monkeypatch, Session, "_before_attach")
    user = User(name="Ann")
    session.add(user)
    [(of, state, instance)] = calls
    assert (of, state.obj(), instance) == (session, user, user)


def transaction(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    assert session._transaction is None
    session.begin()
    assert session._transaction is session.get_transaction()
    session.close()
    assert session._transaction is None


def new(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    user = User(name="Ann")
    session.add(user)
    assert [state.obj() for state in session._new] == [user]
    session.flush()
    assert not session._new


def deleted(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    user = User(name="Ann")
    session.add(user)
    session.flush()
    session.delete(user)
    assert [state.obj() for state in session._deleted] == [user]


def connections(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    transaction = session.begin()
    assert not transaction._connections
    session.execute(text("SELECT 1"))
    assert session.get_bind() in transaction._connections


def sessions(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy.orm.session import _sessions

    assert _sessions[session.hash_key] is session
    key = Session().hash_key
    gc.collect()
    assert key not in _sessions


def detach_states(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = called(monkeypatch, InstanceState, "_detach_states")
    user = User(name="Ann")
    session.add(user)
    session.flush()
    session.expunge(user)
    cls, states, of, *_ = calls[-1]
    assert (cls, [state.obj() for state in states], of) == (InstanceState, [user], session)


def modified_event(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = called(monkeypatch, InstanceState, "_modified_event")
    user = User(name="Ann")
    state, dict_, attribute, *_ = calls[-1]
    assert (state.obj(), dict_ is user.__dict__, attribute.key) == (user, True, "name")


def modified(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    user = User(name="Ann")
    session.add(user)
    session.flush()
    assert not session.identity_map._modified
    user.name = "Bob"
    assert [state.obj() for state in session.identity_map._modified] == [user]


def identity_lookup(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    session.add(User(name="Ann"))
    session.flush()
    key = (User, (1,), None)
    session.expunge_all()
    assert type(session.identity_map) is sqla.identity_map_class()
    for load in (lambda: session.get(User, 1), lambda: session.query(User).all()):
        calls = called(monkeypatch, sqla.identity_map_class(), "get")
        load()
        assert key in [asked for _, asked, *_ in calls]


def checkout(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = create_engine("sqlite://", poolclass=QueuePool).pool
    calls = called(monkeypatch, _ConnectionRecord, "checkout")
    fairy = pool.connect()
    assert calls == [(_ConnectionRecord, pool)]
    assert isinstance(fairy._connection_record, _ConnectionRecord)
    fairy.close()
    pool.dispose()


def checkin(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = create_engine("sqlite://", poolclass=QueuePool).pool
    calls = called(monkeypatch, _ConnectionRecord, "checkin")
    fairy = pool.connect()
    record = fairy._connection_record
    assert calls == []
    fairy.close()
    assert [args[0] for args in calls] == [record]
    pool.dispose()


def fairy_ref(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = create_engine("sqlite://", poolclass=QueuePool).pool
    found = []
    original = _ConnectionRecord.checkin

    def checkin(self: Any, *args: Any, **kwargs: Any) -> Any:
        found.append(sqla.returned_by_collector(self))
        return original(self, *args, **kwargs)

    monkeypatch.setattr(_ConnectionRecord, "checkin", checkin)
    pool.connect().close()
    pool.connect()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()
    assert found == [False, True]
    pool.dispose()


def pool_conditions(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = create_engine("sqlite://", poolclass=QueuePool).pool
    assert [type(each) for each in sqla.conditions(pool)] == [threading.Condition] * 2
    assert sqla.conditions(create_engine("sqlite://", poolclass=StaticPool).pool) == []


def scoped_registry(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    by_thread, by_key = ThreadLocalRegistry(object), ScopedRegistry(object, lambda: "key")
    for registry in (by_thread, by_key):
        assert not registry.has()
        made = registry()
        assert registry.has() and registry() is made
        assert "__call__" in vars(type(registry))
    assert by_thread.registry.value is by_thread()
    assert by_key.registry[by_key.scopefunc()] is by_key()
    for registry in (by_thread, by_key):
        registry.clear()
        assert not registry.has()


def creator(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """A queue pool that is like another connects as that one does, with its listeners."""
    connected: list[Any] = []
    made = create_engine("sqlite://", poolclass=StaticPool)
    event.listen(made, "connect", lambda connection, record: connected.append(connection))
    pool = sqla.queue_pool_like(made.pool)
    fairy = pool.connect()
    assert type(pool) is QueuePool
    assert connected == [fairy.dbapi_connection]
    fairy.close()
    pool.dispose()


def max_overflow(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool says whether it would give out a connection at once."""
    made = create_engine("sqlite://", poolclass=QueuePool, pool_size=1, max_overflow=0)
    with made.connect():
        assert not sqla.can_give(made.pool)
    assert sqla.can_give(made.pool)
    made.dispose()


def only_connection(kind: type, session: Session) -> None:
    made = create_engine("sqlite://", poolclass=kind)
    assert sqla.only_connection(made.pool) is None
    with made.connect() as connection:
        assert sqla.only_connection(made.pool) is connection.connection.dbapi_connection
    made.dispose()


def of_static_pool(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    only_connection(StaticPool, session)


def of_thread_pool(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    only_connection(SingletonThreadPool, session)


def queue_get(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told at once that there is none, the pool says what it would say when its time is over."""
    made = create_engine("sqlite://", poolclass=QueuePool, pool_size=1, max_overflow=0)
    asked: list[Any] = []
    original = sqla.waiting_queues()[0].get

    def get(self: Any, block: bool, timeout: float | None = None) -> Any:
        if block:
            asked.append((sqla.pool_asking(inspect.currentframe().f_back), block, timeout))
        return original(self, False)

    monkeypatch.setattr(sqla.waiting_queues()[0], "get", get)
    with made.connect(), pytest.raises(PoolTimeout, match=r"timeout 30\.00"):
        made.connect()
    assert asked[-1] == (made.pool, True, sqla.patience(made.pool))
    made.dispose()


MEANINGS: dict[str, Meaning] = {
    "sqlalchemy.util.queue:Queue.get": queue_get,
    "sqlalchemy.pool.base:Pool._creator": creator,
    "sqlalchemy.pool.impl:QueuePool._do_get": max_overflow,
    "sqlalchemy.pool.impl:SingletonThreadPool._do_get": of_thread_pool,
    "sqlalchemy.pool.impl:StaticPool.connection": of_static_pool,
    "sqlalchemy.orm.session:Session._before_attach": before_attach,
    "sqlalchemy.orm.session:Session._transaction": transaction,
    "sqlalchemy.orm.session:Session._new": new,
    "sqlalchemy.orm.session:Session._deleted": deleted,
    "sqlalchemy.orm.session:SessionTransaction._connections": connections,
    "sqlalchemy.orm.session:_sessions": sessions,
    "sqlalchemy.orm.state:InstanceState._detach_states": detach_states,
    "sqlalchemy.orm.state:InstanceState._modified_event": modified_event,
    "sqlalchemy.orm.identity:IdentityMap._modified": modified,
    "sqlalchemy.orm.identity:IdentityMap.get": identity_lookup,
    "sqlalchemy.pool.base:_ConnectionRecord.checkout": checkout,
    "sqlalchemy.pool.base:_ConnectionRecord.checkin": checkin,
    "sqlalchemy.pool.base:_ConnectionRecord.fairy_ref": fairy_ref,
    "sqlalchemy.pool.impl:QueuePool._pool": pool_conditions,
    "sqlalchemy.util._collections:ScopedRegistry": scoped_registry,
}


def test_the_meaning_of_each_name_is_tested():
    assert MEANINGS.keys() == sqla.PRIVATE_NAMES.keys()


@pytest.mark.parametrize("name", sqla.PRIVATE_NAMES)
def test_a_name_is_where_it_is_said_to_be(name):
    module, _, rest = name.partition(":")
    owner, _, attribute = rest.partition(".")
    found = getattr(importlib.import_module(module), owner)
    if attribute:
        annotated = {key for kind in found.__mro__ for key in vars(kind).get("__annotations__", ())}
        assert hasattr(found, attribute) or attribute in annotated


@pytest.mark.parametrize("name", MEANINGS)
def test_a_name_means_what_is_said(name, session, monkeypatch):
    MEANINGS[name](session, monkeypatch)


# -- operations ------------------------------------------------------------------------------------


def test_every_operation_is_a_method_of_session_but_for_those_of_later_versions():
    missing = {name for name in sqla.OPERATIONS if not callable(getattr(Session, name, None))}
    assert missing <= {"merge_all", "delete_all"}


def test_no_public_method_that_reaches_the_database_is_forgotten():
    harmless = {
        "bind_mapper", "bind_table", "close_all", "get_bind", "get_nested_transaction",
        "get_transaction", "identity_key", "in_nested_transaction", "in_transaction",
        "is_modified", "object_session",
    }  # fmt: skip
    public = {
        name
        for name, value in vars(Session).items()
        if not name.startswith("_")
        and (inspect.isfunction(value) or isinstance(value, classmethod))
    }
    assert public - set(sqla.OPERATIONS) <= harmless


def test_every_loader_module_exists():
    assert all(importlib.import_module(name) for name in sqla.LOADERS)


# -- the questions asked of them -----------------------------------------------------------------------


def test_a_session_is_left_clean_open_or_dirty(session):
    left = [sqla.left_state(session)]
    session.execute(text("SELECT 1"))
    left.append(sqla.left_state(session))
    session.add(User(name="Ann"))
    left.append(sqla.left_state(session))
    session.rollback()
    left.append(sqla.left_state(session))
    assert left == ["", "open", "dirty", ""]


def test_an_unwritten_change_is_dirty_and_a_delete_too(session):
    user = User(name="Ann")
    session.add(user)
    session.flush()
    user.name = "Bob"
    assert sqla.left_state(session) == "dirty"
    session.flush()
    session.delete(user)
    assert sqla.left_state(session) == "dirty"


def test_a_session_begun_but_not_connected_holds_nothing(session):
    session.begin()
    assert sqla.left_state(session) == ""


def test_an_instance_leads_to_its_session_while_it_is_in_one(session):
    user = User(name="Ann")
    state = user._sa_instance_state
    assert sqla.session_of_state(state) is None
    session.add(user)
    assert sqla.session_of_state(state) is session
    session.expunge(user)
    assert sqla.session_of_state(state) is None


def test_a_session_is_bound_by_an_engine(engine):
    assert sqla.is_bound(Session(engine))
    assert not sqla.is_bound(Session())


def test_the_session_inside_an_async_session_is_found():
    outer = AsyncSession()
    assert sqla.sync_session(outer) is outer.sync_session
    assert sqla.sync_session(outer.sync_session) is outer.sync_session


def test_a_scoped_session_is_not_taken_for_a_session_around_one(engine):
    scoped = scoped_session(sessionmaker(engine))
    assert sqla.sync_session(scoped) is scoped
    assert not scoped.registry.has()


def test_the_frame_that_raises_tells_class_attribute_and_state(session):
    user = User(name="Ann")
    session.add(user)
    session.commit()
    session.expunge(user)
    with pytest.raises(DetachedInstanceError) as caught:
        user.name
    label, attribute, state = sqla.class_and_attribute(caught.traceback[-1].frame.raw)
    assert (label, state.obj()) == ("User", user)
    assert "name" in attribute


@pytest.mark.parametrize(
    ("options", "limit"),
    [
        ({"poolclass": QueuePool}, 15),
        ({"poolclass": QueuePool, "pool_size": 2, "max_overflow": 0}, 2),
        ({"poolclass": QueuePool, "max_overflow": -1}, None),
        ({"poolclass": NullPool}, None),
        ({"poolclass": StaticPool}, None),
    ],
)
def test_the_limit_of_a_pool(options, limit):
    assert sqla.pool_limit(create_engine("sqlite://", **options).pool) == limit


def test_the_pools_that_one_connection_serves_are_known():
    names = {kind.__name__ for kind in (StaticPool, SingletonThreadPool)}
    assert names == sqla.SHARED_POOLS


def test_a_session_is_bound_by_binds(engine):
    assert sqla.is_bound(Session(binds={User: engine}))

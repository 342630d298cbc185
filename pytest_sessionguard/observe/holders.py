"""Where a session is held for others, looked up when the body of a test has ended.

Asking the collector who refers to an object is slow and disturbs what is being watched, so it is
done once, afterwards, and only for sessions that more than one strand used.
"""

from __future__ import annotations

import collections
import dis
import gc
import inspect
import sys
import types
from typing import Any

from pytest_sessionguard import events as ev
from pytest_sessionguard.observe import reach, sqla
from pytest_sessionguard.observe.frames import Frames
from pytest_sessionguard.observe.keeping import thawed
from pytest_sessionguard.observe.recorder import Recorder
from pytest_sessionguard.observe.scopes import Scopes
from pytest_sessionguard.observe.session_state import SessionState
from pytest_sessionguard.observe.sessions import Sessions
from pytest_sessionguard.observe.signals import Signals
from pytest_sessionguard.observe.strand import Strand


class Holders:
    """Finds names and holders of sessions, and tasks that outlive them."""

    def __init__(
        self, recorder: Recorder, sessions: Sessions, scopes: Scopes, signals: Signals
    ) -> None:
        self.recorder = recorder
        self.sessions = sessions
        self.scopes = scopes
        sessions.closing.append(self.closing)
        signals.taken = self.taken

    def publish(self) -> None:
        """Note where each session that several strands used is held."""
        with thawed():
            self._publish()

    def _publish(self) -> None:
        epoch = self.recorder.epoch.number
        living = list(self.sessions.in_use.values())
        self._note_gone({state.token for state in living})
        for state in living:
            session = state.session()
            if state.announced != epoch or session is None:
                continue
            if len(state.met) > 1 or len(state.workers) > 1 or state.earlier is not None:
                self._note(published(session, state, self.recorder.frames))
                kind = resting(session)
                if kind is not None:
                    self.recorder.trace.note(ev.Resting(state.token, kind))
        for token, scoped in self.scopes.in_use():
            self._note(holders_of(scoped, token, self.recorder.frames))

    def taken(self, item: Any) -> None:
        """Something came out of a queue: a session, alone or with its priority?"""
        for each in item if type(item) is tuple else (item,):
            session = sqla.sync_session(each)
            if session is not None and self.sessions.is_session(session):
                _, worker = self.recorder.who()
                token = self.sessions.state(session).token
                self.recorder.trace.note(ev.Borrowed(token, worker.token))

    def _note_gone(self, living: set[int]) -> None:
        """Sessions of this trace that are no more: nobody can say where they were kept."""
        made = [event for event in self.recorder.trace.events if isinstance(event, ev.SessionMade)]
        for event in made:
            if event.session not in living:
                self.recorder.trace.note(ev.Resting(event.session, "gone"))

    def _note(self, holders: list[ev.Published]) -> None:
        for event in holders:
            self.recorder.trace.note(event)

    def closing(self, state: SessionState, strand: Strand, number: int) -> None:
        """A session is being closed: can a living task still reach it through its locals?"""
        living = self.recorder.strands.living_tasks()
        if not living:
            return
        session = state.session()
        ancestors = set(_chain(strand))
        for task, other in living:
            if other in ancestors or other.ended or other.internal or not other.spawned:
                continue
            if task.cancelling():
                continue
            if reach.reaches_directly(task.get_coro(), session):
                self.recorder.announce_strand(other)
                self.recorder.trace.note(
                    ev.OwnerLeft(state.token, number, strand.token, other.token, other.spawned[0])
                )


def _chain(strand: Strand | None) -> list[Strand]:
    found = []
    while strand is not None:
        found.append(strand)
        strand = strand.parent
    return found


def published(session: Any, state: SessionState, frames: Frames) -> list[ev.Published]:
    """Every way in which a session is held by a module, a closure or an object."""
    found = []
    for held in (session, *_async_sessions(session)):
        found += holders_of(held, state.token, frames)
    return sorted(found, key=lambda event: event.holder)


def resting(session: Any) -> str | None:
    """The kind of container in which a session lies: ``"queue"``, else ``"list"``, else None.

    What puts and gets is a queue; a frame's own list holds nothing.
    """
    owners = _referrers(_containers([session, *_async_sessions(session)]))
    dictionaries = [owner for owner in owners if type(owner) is dict]
    if any(_puts_and_gets(type(each)) for each in (*owners, *_referrers(dictionaries))):
        return "queue"
    lies = any(type(owner) is dict or not isinstance(owner, _PASSING) for owner in owners)
    return "list" if lies else None


def _referrers(things: list[Any]) -> list[Any]:
    """Who refers to any of these; asked at once, since each question looks through the whole heap."""
    return [each for each in gc.get_referrers(*things) if each is not things] if things else []


def _containers(held: list[Any]) -> list[Any]:
    """The lists and deques that objects lie in, themselves or in a tuple with their priority."""
    inner = _referrers(held)
    outer = _referrers([each for each in inner if type(each) is tuple])
    return [each for each in (*inner, *outer) if type(each) in (list, collections.deque)]


def _puts_and_gets(kind: type) -> bool:
    methods = {name for each in kind.__mro__ for name in vars(each)}
    return {"put", "get"} <= methods


_PASSING = (types.FrameType, types.GeneratorType, types.CoroutineType, list, tuple)


def holders_of(held: Any, token: int, frames: Frames) -> list[ev.Published]:
    """Who refers to one object."""
    found = []
    referrers = _referrers([held])
    around = _Around(referrers)
    for referrer in referrers:
        try:
            event = _as_holder(referrer, held, token, frames, around)
        except Exception:  # somebody's proxy or property: it is not for us to ask
            continue
        if event is not None:
            found.append(event)
    return found


class _Around:
    """The owners of attribute dictionaries, and the functions that close over cells."""

    def __init__(self, referrers: list[Any]) -> None:
        inner = [each for each in referrers if type(each) in (dict, types.CellType)]
        self.owners = _referrers(inner)
        closures = [each for each in self.owners if type(each) is tuple]
        self.functions = [
            each
            for each in _referrers(closures)
            if isinstance(each, types.FunctionType) and each.__closure__
        ]


def _async_sessions(session: Any) -> list[Any]:
    """The AsyncSession around a Session, if there is one."""
    asyncio_sessions = sys.modules.get("sqlalchemy.ext.asyncio")
    if asyncio_sessions is None:
        return []
    inner = _referrers([session])
    around = [*inner, *_referrers([each for each in inner if isinstance(each, dict)])]
    kind = asyncio_sessions.AsyncSession
    return [o for o in around if issubclass(type(o), kind) and o.sync_session is session]


def _as_holder(
    referrer: Any, held: Any, token: int, frames: Frames, around: _Around
) -> ev.Published | None:
    if isinstance(referrer, dict):
        module = sys.modules.get(referrer.get("__name__", ""))
        if module is not None and vars(module) is referrer:
            name = next((n for n, value in referrer.items() if value is held), "?")
            return ev.Published(token, f"{referrer['__name__']}.{name}", None)
        return _owner_of_dict(referrer, held, token, frames, around)
    if isinstance(referrer, types.CellType):
        return _closing_over(referrer, token, frames, around)
    return _attribute(referrer, held, token, frames)


def _owner_of_dict(
    names: dict[Any, Any], held: Any, token: int, frames: Frames, around: _Around
) -> ev.Published | None:
    for owner in around.owners:
        if getattr(owner, "__dict__", None) is names:
            return _attribute(owner, held, token, frames)
    return None


def _attribute(owner: Any, held: Any, token: int, frames: Frames) -> ev.Published | None:
    names = getattr(owner, "__dict__", None)
    if not isinstance(names, dict) or isinstance(owner, types.ModuleType | types.FrameType):
        return None
    name = next((n for n, value in names.items() if value is held), None)
    if name is None or not _is_users(type(owner), frames):
        return None
    return ev.Published(
        token, f"{type(owner).__qualname__}.{name}", _stored_at(type(owner), name, frames)
    )


def _stored_at(kind: type, attribute: str, frames: Frames) -> ev.Site | None:
    """The line of the class that sets ``self.attribute``."""
    for function in vars(kind).values():
        code = getattr(function, "__code__", None)
        if code is None:
            continue
        for instruction in dis.get_instructions(code):
            if instruction.opname == "STORE_ATTR" and instruction.argval == attribute:
                line = instruction.positions.lineno if instruction.positions else None
                if line is not None:
                    return frames.site_of(code.co_filename, line, code.co_qualname)
    return None


def _is_users(kind: type, frames: Frames) -> bool:
    module = sys.modules.get(kind.__module__)
    filename = getattr(module, "__file__", None)
    return filename is not None and frames.roles[filename] in ("app", "test")


def _closing_over(
    cell: types.CellType, token: int, frames: Frames, around: _Around
) -> ev.Published | None:
    for function in around.functions:
        if any(each is cell for each in function.__closure__ or ()):
            code = inspect.unwrap(function).__code__
            if frames.roles[code.co_filename] in ("app", "test"):
                site = frames.site_of(code.co_filename, code.co_firstlineno, code.co_qualname)
                return ev.Published(token, f"the closure of {code.co_qualname}", site)
    return None

"""Where what outlived its request is kept: instances that were asked for later, and Sessions.

Asked when the body of a test has ended, and only about what a finding may come to be about.
"""

from __future__ import annotations

import inspect
import linecache
import sys
import types
import weakref
from collections.abc import Iterator
from types import FrameType
from typing import Any, NamedTuple

from pytest_sessionguard import events as ev
from pytest_sessionguard.observe import keeping, sqla
from pytest_sessionguard.observe.keeping import Node
from pytest_sessionguard.observe.recorder import Recorder
from pytest_sessionguard.observe.session_state import KEY, SessionState
from pytest_sessionguard.observe.stores import (
    Store,
    calls,
    decorated_at,
    passed,
    passed_new,
    stores,
)

_PUT = "_sessionguard_put"
_MOST = 8  # instances in a test; each costs a look at every object of the process


class Asked(NamedTuple):
    """An instance that somebody asked for something, and the number of the event that says so."""

    number: int
    session: int | None
    instance: weakref.ref[Any]


class Keepers:
    """Remembers weakly what was asked for; says afterwards who keeps it, and since which line."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self._asked: dict[tuple[str, ev.Stack], Asked] = {}
        self._epoch = -1

    def asked(
        self, what: str, number: int, session: int | None, state: Any, stack: ev.Stack
    ) -> None:
        """An instance was asked for ``what`` only its own unit of work should ask."""
        if self._epoch != self.recorder.epoch.number:
            self._epoch = self.recorder.epoch.number
            self._asked.clear()
        instance = state.obj()
        if instance is not None and len(self._asked) < _MOST:
            asked = Asked(number, session, weakref.ref(instance))
            self._asked.setdefault((what, stack[:1]), asked)

    def given(self, item: Any, giver: FrameType | None) -> None:
        """Something went into a queue: an instance or a Session, alone or among others in a tuple?"""
        for each in item if type(item) is tuple else (item,):
            self._session_given(sqla.sync_session(each), giver)
            state = sqla.own_attributes(each).get("_sa_instance_state")
            if state is not None and sqla.is_state(state):
                state.__dict__[_PUT] = self.recorder.stack(giver)[:1]

    def _session_given(self, session: Any, giver: FrameType | None) -> None:
        state = sqla.own_attributes(session).get(KEY)
        if isinstance(state, SessionState):
            worker, stack = self.recorder.who()[1], self.recorder.stack(giver)
            if stack and state.made.worker == worker.token:
                self.recorder.trace.note(ev.Queued(state.token, worker.token, stack[0]))

    def publish(self) -> None:
        """Note who keeps each of them, where somebody does."""
        if self._epoch != self.recorder.epoch.number:
            return
        with keeping.thawed():
            for asked in self._asked.values():
                instance = asked.instance()
                kept = self._kept(instance) if instance is not None else None
                if kept is not None:
                    holder, sites = kept
                    self.recorder.trace.note(ev.Kept(asked.number, asked.session, holder, sites))

    def _kept(self, instance: Any) -> tuple[str, ev.Stack] | None:
        put = sqla.own_attributes(instance)["_sa_instance_state"].__dict__.get(_PUT)
        if put:
            return "a queue", put
        for node in keeping.ways_up(instance, lambda node: True):
            if keeping.is_users(node, self.recorder.frames):
                sites = self._stored_at(node)
                if sites:
                    return keeping.name_of(node), sites
        return None

    # -- the lines that stored it ------------------------------------------------------------

    def _is_apps(self, filename: str) -> bool:
        return bool(filename) and self.recorder.frames.roles[filename] == "app"

    def _stored_at(self, node: Node) -> ev.Stack:
        inner = keeping.wrapped(node)
        if inner is not None:
            code = getattr(node.thing, "__code__", None)
            decorator = getattr(code, "co_qualname", "").partition(".")[0]
            return (self._decorator_of(inner.__code__, decorator),)
        for at, each in enumerate(keeping.users_chain(node)):
            sites = self._stores(keeping.owner_file(node), each, at > 0) if each.name else ()
            if sites:
                return sites
        return self._cached_property(node)

    def every_store(self, node: Node) -> list[ev.Stack]:
        """For each name on the way to the object, innermost first, the lines that store under it."""
        if keeping.wrapped(node) is not None:
            return [self._stored_at(node)]
        return [
            self._closed_over(each)
            if each.kind == "closure"
            else self._stores(keeping.owner_file(node), each, at > 0)
            for at, each in enumerate(keeping.users_chain(node))
            if each.name
        ]

    def passed(self, view: types.MethodType) -> ev.Stack:
        """The app's lines that give this method to something, or an object of its class."""
        kind = type(view.__self__).__name__
        return tuple(
            self._site(filename, each)
            for name, find in ((view.__name__, passed), (kind, passed_new))
            for filename in self._files("", name)
            for each in find(source_of(filename), name)
        )

    def _closed_over(self, node: Node) -> ev.Stack:
        code = node.thing.__code__
        site = self.recorder.frames.site_of
        return (site(code.co_filename, code.co_firstlineno, code.co_qualname),)

    def _decorator_of(self, code: Any, name: str) -> ev.Site:
        line = decorated_at(source_of(code.co_filename), code.co_firstlineno, name.lower())
        return self.recorder.frames.site_of(code.co_filename, line, code.co_qualname)

    def _cached_property(self, node: Node) -> ev.Stack:
        """A property that keeps what it has computed in the object, under its own name."""
        function = getattr(inspect.getattr_static(type(node.thing), node.name, None), "func", None)
        code = getattr(function, "__code__", None)
        return (self._decorator_of(code, ""),) if code is not None else ()

    def _stores(self, first: str, under: Node, inside: bool) -> ev.Stack:
        classes = keeping.classes_of(under)
        for filename in self._files(first, under.name):
            found = stores(source_of(filename), under.name, inside, under.kind, classes)
            if found:
                return tuple(self._handed_in(filename, found))
        return ()

    def _handed_in(self, filename: str, found: list[Store]) -> Iterator[ev.Site]:
        """The storing lines; where a function stores what it is given, whoever gives it."""
        for store in found:
            given = list(self._calls(filename, store.called)) if store.passed else []
            yield from given or [self._site(filename, store)]

    def _calls(self, first: str, function: str) -> Iterator[ev.Site]:
        for filename in self._files(first, function):
            for call in calls(source_of(filename), function):
                yield self._site(filename, call)

    def _site(self, filename: str, store: Store) -> ev.Site:
        return self.recorder.frames.site_of(filename, store.line, store.function)

    def _files(self, first: str, name: str) -> list[str]:
        """The app's files in which the name occurs, the one of what holds it first."""
        roles = self.recorder.frames.roles
        imported = [keeping.file_of(each) for each in list(sys.modules.values())]
        apps = [each for each in {*roles, *imported} if each and roles[each] == "app"]
        every = dict.fromkeys([first, *sorted(apps)])
        return [each for each in every if self._is_apps(each) and name in source_of(each)]


def source_of(filename: str) -> str:
    """The text of a source file, empty when there is none."""
    return "".join(linecache.getlines(filename))


def state_in(frame: Any, key: int) -> Any:
    """The InstanceState that SQLAlchemy works on in these frames, of the session with this key."""
    for _ in range(_FRAMES):
        if frame is None:
            return None
        for name in ("state", "self"):
            state = frame.f_locals.get(name)
            if sqla.is_state(state) and state.session_id == key:
                return state
        frame = frame.f_back
    return None


_FRAMES = 12

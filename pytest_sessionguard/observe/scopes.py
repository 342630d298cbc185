"""Observes registries: scoped_session and async_scoped_session, their lookups and removals."""

from __future__ import annotations

import _thread
import functools
import inspect
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

from pytest_sessionguard import events as ev
from pytest_sessionguard.observe import sqla
from pytest_sessionguard.observe.hooks import Hooks
from pytest_sessionguard.observe.recorder import Label, Recorder, Touched
from pytest_sessionguard.observe.session_state import KEY, SessionState
from pytest_sessionguard.observe.sessions import Sessions
from pytest_sessionguard.observe.strands import NATIVE_LOCAL


class RegistryState:
    """What the guard knows of one live registry.

    ``unbound`` are the sessions without a bind and the lookups that made them, by key of the
    scope; ``configured`` those among them that a later ``configure(bind=...)`` could not reach.
    """

    __slots__ = (
        "announced", "configured", "factory", "label", "late_in", "made", "scoped", "token",
        "unbound",
    )  # fmt: skip

    def __init__(self, made: ev.RegistryMade, scoped: Any, label: Label) -> None:
        self.made = made
        self.label = label
        self.scoped = weakref.ref(scoped)
        self.factory = _reference(scoped.session_factory)
        self.token = made.registry
        self.announced = -1
        self.late_in = -1
        self.unbound: dict[Any, tuple[SessionState, ev.Stack]] = {}
        self.configured: dict[Any, ev.Configured] = {}


class Scopes:
    """The hooks on scoped sessions; ``patched`` is where gevent patched threads, once it has."""

    def __init__(self, recorder: Recorder, sessions: Sessions) -> None:
        self.recorder = recorder
        self.sessions = sessions
        self.patched: ev.Site | None = None
        self._states: dict[int, RegistryState] = {}
        self._local = recorder.strands.local  # what a registry does just now, thread by thread

    def install(self, hooks: Hooks) -> None:
        """Wrap scoped_session and both registries."""
        from sqlalchemy.orm import scoped_session, sessionmaker
        from sqlalchemy.util import ScopedRegistry, ThreadLocalRegistry

        self._install_on(scoped_session, hooks)
        hooks.wrap(sessionmaker, "configure", self._wrap_configure)
        for registry in (ScopedRegistry, ThreadLocalRegistry):
            hooks.wrap(registry, "__call__", self._wrap_call)
        hooks.on_remove(self._states.clear)

    def install_async(self, hooks: Hooks) -> None:
        """Wrap async_scoped_session."""
        from sqlalchemy.ext.asyncio import async_scoped_session, async_sessionmaker

        self._install_on(async_scoped_session, hooks)
        hooks.wrap(async_sessionmaker, "configure", self._wrap_configure)

    def in_use(self) -> list[tuple[int, Any]]:
        """The registries that this trace describes, with their tokens."""
        epoch = self.recorder.epoch.number
        live = [(state, state.scoped()) for state in self._states.values()]
        return [
            (s.token, scoped) for s, scoped in live if s.announced == epoch and scoped is not None
        ]

    def _install_on(self, scoped: Any, hooks: Hooks) -> None:
        hooks.wrap(scoped, "__init__", self._wrap_init)
        hooks.wrap(scoped, "__call__", self._wrap_give)
        hooks.wrap(scoped, "remove", self._wrap_remove)

    # -- making ----------------------------------------------------------------------------

    def _wrap_init(self, original: Any) -> Any:
        shielded, made = self.recorder.shielded, self._made

        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            shielded(made, self)

        return __init__

    def _made(self, scoped: Any) -> None:
        stack = self.recorder.stack()
        origin = "test" if stack and stack[0].role == "test" else "app"
        registry = scoped.registry
        keyed_by = "thread"
        if not isinstance(registry, _thread_local_registry()):
            keyed_by = getattr(registry.scopefunc, "__name__", type(registry.scopefunc).__name__)
        made = ev.RegistryMade(self.recorder.next_token(), stack, keyed_by, origin)
        self._states[id(registry)] = RegistryState(made, scoped, self.recorder.label("registry"))
        weakref.finalize(scoped, self._states.pop, id(registry), None)

    def _state(self, registry: Any) -> RegistryState | None:
        state = self._states.get(id(registry))
        if state is not None and state.announced != self.recorder.epoch.number:
            state.announced = self.recorder.epoch.number
            self.recorder.trace.note(state.made)
        return state

    # -- looking up ------------------------------------------------------------------------

    def _wrap_call(self, original: Any) -> Any:
        recorder, looked = self.recorder, self._looked

        def __call__(self: Any) -> Any:
            before = recorder.next_token() if recorder.active else 0
            found = original(self)
            if before:
                recorder.shielded(looked, self, found, before)
            return found

        return __call__

    def _wrap_give(self, original: Any) -> Any:
        """``scoped()``: the Session itself leaves the registry."""

        def __call__(self_: Any, **kwargs: Any) -> Any:
            self._local.giving = True
            try:
                return original(self_, **kwargs)
            finally:
                self._local.giving = False

        return __call__

    def _looked(self, registry: Any, found: Any, before: int) -> None:
        giving, self._local.giving = self._local.giving, False
        removing, self._local.removing = self._local.removing, False
        state = self._state(registry)
        if state is None:
            return
        self._touch(state, registry, found, before)
        session: SessionState | None = sqla.own_attributes(found).get(KEY)
        if session is None:
            plain = sqla.sync_session(found)
            if not self.sessions.is_session(plain):
                return
            session = self.sessions.state(plain)
        strand, worker = self.recorder.who()
        if removing:
            self._removed(state, session, self._scope(registry, found))
        elif state.configured:
            self._early(state, registry, found)
        key = (state.token, strand.token, worker.token, giving)
        if session.announced == self.recorder.epoch.number and key in session.looked:
            return
        stack = self._stack(session, before)
        if session.token > before:
            session.registry = state.token
            if not session.made.bound:
                state.unbound[self._scope(registry, found)] = (session, stack)
        if session.announced != self.recorder.epoch.number:
            self.sessions.announce(session)
        session.looked |= {key}
        self.recorder.trace.note(
            ev.Looked(
                state.token, session.token, strand.token, worker.token, stack, giving,
                self._key_kind(registry, found),
            )
        )  # fmt: skip
        self._late(registry, state, stack, worker.token)

    def _touch(self, state: RegistryState, registry: Any, found: Any, before: int) -> None:
        """Note, for the search, which place of the registry was looked into, or filled."""
        notes = self.recorder.notes()
        if notes is None:
            return
        name = (
            f"{state.label.name(self.recorder.epoch.number)} {self._place(notes, registry, found)}"
        )
        session: SessionState | None = sqla.own_attributes(sqla.sync_session(found)).get(KEY)
        if session is not None and session.token < before and not self._local.removing:
            notes.reads(name)
        else:
            notes.writes(name)

    def _place(self, notes: Touched, registry: Any, found: Any) -> str:
        """The key of the scope by a name; ``"any"`` where there is none that keeps.

        A thread or task that a worker has started may serve another one too.
        """
        if self._key_kind(registry, found) == "other":
            key = self._scope(registry, found)
            return repr(key) if isinstance(key, str | bool | None) or _is_small(key) else "any"
        is_native = type(registry.registry) is NATIVE_LOCAL and threading.local is not NATIVE_LOCAL
        return notes.place() if not is_native else "any"

    def _stack(self, session: SessionState, before: int) -> ev.Stack:
        """The lines that look up; those that made the session if it was made by this lookup."""
        frame = sys._getframe(1)
        made = session.made.stack
        if session.token > before and made and self.recorder.frames.nearest(frame) == made[:1]:
            return made
        return self.recorder.stack(frame)

    def _early(self, state: RegistryState, registry: Any, found: Any) -> None:
        """Note a scope whose session was made before the registry was configured."""
        early = state.configured.get(self._scope(registry, found))
        if early is not None:
            self.recorder.trace.note(early)

    def _key_kind(self, registry: Any, found: Any) -> str:
        """What the scope function tells apart."""
        if isinstance(registry, _thread_local_registry()):
            return "thread"
        key = self._scope(registry, found)
        running = [threading.get_ident(), _thread.get_ident(), threading.current_thread()]
        loop = self.recorder.strands.running_loop()
        if loop is not None:
            running.append(self.recorder.strands.task_of(loop))
        if "greenlet" in sys.modules:
            current = sys.modules["greenlet"].getcurrent()
            running += [current, id(current)]
        parts = key if isinstance(key, tuple) else (key,)
        same = any(part is each or part == each for part in parts for each in running)
        return "strand" if same else "other"

    def _late(self, registry: Any, state: RegistryState, stack: ev.Stack, worker: int) -> None:
        """Note a thread-local registry that was built before gevent patched threads."""
        if threading.local is NATIVE_LOCAL or state.late_in == self.recorder.epoch.number:
            return
        if (
            isinstance(registry, _thread_local_registry())
            and type(registry.registry) is NATIVE_LOCAL
        ):
            state.late_in = self.recorder.epoch.number
            self.recorder.trace.note(
                ev.LatePatch(
                    "scoped_session", state.token, state.made.stack, self.patched, stack, worker
                )
            )

    # -- letting go ------------------------------------------------------------------------

    def _wrap_remove(self, original: Any) -> Any:
        """What ``remove`` looks up first is what it removes; nothing, if it does not look."""
        recorder, local, nothing = self.recorder, self._local, self._removed_nothing

        def ended(scoped: Any) -> None:
            if local.removing:
                recorder.shielded(nothing, scoped)

        def remove(self_: Any, *args: Any, **kwargs: Any) -> Any:
            local.removing = True
            try:
                result = original(self_, *args, **kwargs)
                ended(self_)
                return result
            finally:
                local.removing = False

        async def remove_async(self_: Any) -> Any:
            local.removing = True
            try:
                result = await original(self_)
                ended(self_)
                return result
            finally:
                local.removing = False

        return remove_async if inspect.iscoroutinefunction(original) else remove

    def _removed_nothing(self, scoped: Any) -> None:
        state = self._state(scoped.registry)
        if state is not None:
            self._removed(state, None, None)

    def _removed(self, state: RegistryState, session: SessionState | None, scope: Any) -> None:
        stack = self.recorder.stack()
        by_test = bool(stack) and stack[0].role == "test"
        if session is not None and not by_test:
            session.early = None
            state.unbound.pop(scope, None)
            state.configured.pop(scope, None)
        strand, worker = self.recorder.who()
        token = session.token if session is not None else None
        self.recorder.trace.note(ev.Removed(state.token, token, strand.token, worker.token, stack))

    def _wrap_configure(self, original: Any) -> Any:
        recorder, configured = self.recorder, self._configured

        def configure(self: Any, **kwargs: Any) -> Any:
            if kwargs.get("bind") is not None:
                recorder.shielded(configured, self, sys._getframe())
            return original(self, **kwargs)

        return configure

    def _configured(self, factory: Any, frame: Any) -> None:
        for state in self._states.values():
            if state.factory() is factory and state.made.origin != "test":
                self._note_early(state, self.recorder.stack(frame))

    def _note_early(self, state: RegistryState, stack: ev.Stack) -> None:
        """The sessions that the registry made before: configuring cannot reach them any more.

        Not those of an earlier test: in one process of the app's it is one or the other.
        """
        epoch = self.recorder.epoch
        for key, (session, first) in state.unbound.items():
            early = session.made.origin == "import" or session.made_in in (
                epoch.imports,
                epoch.number,
            )
            if early and first and first[0].role != "test":
                event = ev.Configured(state.token, session.token, first, stack)
                state.configured[key] = session.early = event
        state.unbound.clear()

    def _scope(self, registry: Any, found: Any) -> Any:
        """The key of the scope in which ``found`` was; the user's scope function is not asked."""
        if isinstance(registry, _thread_local_registry()):
            return self.recorder.strands.base().token
        scopes = dict(registry.registry)  # copied whole: other threads have scopes of their own
        return next((key for key in reversed(scopes) if scopes[key] is found), None)


def _is_small(key: Any) -> bool:
    """Whether a key is a number of the user's, and not where some object lies."""
    return isinstance(key, int) and abs(key) < 1 << 20


def _reference(factory: Any) -> Callable[[], Any]:
    """A weak reference where there can be one."""
    try:
        return weakref.ref(factory)
    except TypeError:
        return lambda: None


@functools.cache
def _thread_local_registry() -> Any:
    from sqlalchemy.util import ThreadLocalRegistry

    return ThreadLocalRegistry

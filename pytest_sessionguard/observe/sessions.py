"""Observes sessions: how they are made, and the beginning and end of each operation."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

from pytest_sessionguard import events as ev
from pytest_sessionguard.observe import reach, sqla
from pytest_sessionguard.observe.frames import in_finalizer
from pytest_sessionguard.observe.hooks import Hooks
from pytest_sessionguard.observe.recorder import Recorder
from pytest_sessionguard.observe.strands import (
    Strand,
    Worker,
    held_locks,
    in_request,
    in_startup,
)
from pytest_sessionguard.observe.transparent import around

KEY = "_sessionguard"
Mark = tuple[Any, "SessionState", Strand, int]


class SessionState:
    """What the guard knows of one live Session."""

    __slots__ = (
        "announced", "earlier", "early", "inside", "left", "looked", "made", "made_in", "met", "number",
        "registry", "session", "stack", "token", "touched",
        "workers",
    )  # fmt: skip

    def __init__(self, token: int, session: Any, made: ev.SessionMade, epoch: int) -> None:
        self.token = token
        self.made_in = epoch
        self.session = weakref.ref(session)
        self.made = made
        self.registry: int | None = None
        self.announced = -1
        self.inside: list[Strand] = []
        self.stack: ev.Stack = ()
        self.number = 0
        self.met: set[int] = set()
        self.workers: set[int] = set()
        self.looked: set[tuple[int, int, int, bool]] = set()
        self.left: ev.Site | None = None
        self.earlier: ev.UsedEarlier | None = None
        self.early: ev.Configured | None = None
        self.touched: tuple[Strand, int] | None = None


class Sessions:
    """The hooks on Session, and the states of the live ones."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.checked_fork: Callable[[SessionState], None] | None = None
        self.closing: Callable[[SessionState, Strand, int], None] | None = None
        self._kind: type = type(None)
        self.in_use: list[SessionState] = []
        self._epoch = -1

    def install(self, hooks: Hooks) -> None:
        """Wrap Session and SessionTransaction."""
        from sqlalchemy.orm import Session
        from sqlalchemy.orm.session import SessionTransaction

        self._kind = Session
        hooks.wrap(Session, "__init__", self._wrap_init)
        for action in sqla.OPERATIONS:
            hooks.wrap(Session, action, partial(self._wrap, action=action))
        for action in sqla.TRANSACTION_OPERATIONS:
            hooks.wrap(SessionTransaction, action, partial(self._wrap_transaction, action=action))

    def is_session(self, thing: Any) -> bool:
        """Whether this is a Session, and not a mock or a factory's own kind of thing."""
        return issubclass(type(thing), self._kind) and "identity_map" in vars(thing)

    # -- making ----------------------------------------------------------------------------

    def _wrap_init(self, original: Any) -> Any:
        shielded, made = self.recorder.shielded, self._made

        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            shielded(made, self)

        return __init__

    def _made(self, session: Any) -> None:
        frame = sys._getframe(1)
        strand, worker = self.recorder.who()
        stack = self.recorder.stack(frame)
        self._remember(session, strand, worker, stack, self._origin(stack))

    def _origin(self, stack: ev.Stack) -> str:
        if stack and stack[0].role == "test":
            return "test"
        if in_startup.get() and in_request.get() is None:
            return "import"
        for site in stack:
            if site.function == "<module>":
                return "import" if site.role == "app" else "app"
        return "app"

    def _remember(
        self, session: Any, strand: Strand, worker: Worker, stack: ev.Stack, origin: str
    ) -> SessionState:
        token = self.recorder.next_token()
        made = ev.SessionMade(
            token, type(session).__name__, stack, strand.token, worker.token, None,
            sqla.is_bound(session), origin, False, self.recorder.strands.thread_of(strand),
        )  # fmt: skip
        state = SessionState(token, session, made, self.recorder.epoch.number)
        session.__dict__[KEY] = state
        return state

    def state(self, session: Any) -> SessionState:
        """The state of a session; one that was made before the hooks is met now."""
        known: SessionState | None = session.__dict__.get(KEY)
        if known is not None:
            return known
        strand, worker = self.recorder.who()
        return self._remember(session, strand, worker, (), "unseen")

    def announce(self, state: SessionState) -> None:
        """Describe a session in this trace."""
        recorder = self.recorder
        state.announced = recorder.epoch.number
        state.met = set()
        state.workers = set()
        state.looked = set()
        state.touched = None
        session = state.session()
        info = session.__dict__.get("info") if session is not None else None  # made when asked for
        shared = info is not None and info.get("sessionguard") == "shared by design"
        if shared or state.registry is not None:
            state.made = state.made._replace(registry=state.registry, shared_by_design=shared)
        recorder.trace.note(state.made)
        if state.early is not None:
            recorder.trace.note(state.early)
        if state.earlier is not None:
            recorder.trace.note(state.earlier)
        if self._epoch != state.announced:
            self._epoch, self.in_use = state.announced, []
        self.in_use.append(state)

    # -- operations ------------------------------------------------------------------------

    def _wrap(self, original: Any, action: str) -> Any:
        return around(original, action, self.begin, self.end, "self")

    def _wrap_transaction(self, original: Any, action: str) -> Any:
        return around(original, action, self.begin, self.end, "self.session")

    def begin(
        self, session: Any, action: str, frame: FrameType, via: str = "session"
    ) -> Mark | None:
        """An operation begins; None when it is nested in another, or nobody watches."""
        recorder = self.recorder
        if not recorder.active:
            return None
        try:
            strand = recorder.strands.current()
            known: SessionState | None = session.__dict__.get(KEY)
            if known is None and not self.is_session(session):
                return None  # a double that was never initialised
            state = known or self.state(session)
            if state.inside and strand in state.inside:
                return None
            if via == "session" and _is_loader(frame.f_back):
                via, action = "instance", "load"
            if action in _TIDYING and in_finalizer(frame):
                return self._collected(session, state, strand)
            return self._begin(session, state, strand, action, frame, via)
        except Exception as error:
            recorder.fault(error)
            return None

    def _begin(
        self,
        session: Any,
        state: SessionState,
        strand: Strand,
        action: str,
        frame: FrameType,
        via: str,
    ) -> Mark:
        recorder = self.recorder
        worker = recorder.described(strand)
        if self.checked_fork is not None:
            self.checked_fork(state)
        if state.announced != recorder.epoch.number:
            self.announce(state)
        stack = self._stack(state, strand, session, frame)
        state.workers.add(worker.token)
        if state.left is not None:
            self._note_left(state, frame)
        number = state.number = recorder.next_token()
        clock = strand.clock
        if recorder.strands.foreign is not None:
            clock.join(recorder.strands.foreign.export())
        locks = held_locks(strand)
        recorder.trace.note(
            ev.Began(
                number,
                strand.token,
                worker.token,
                state.token,
                action,
                via,
                stack,
                clock.seen,
                locks,
                recorder.strands.thread_of(strand),
            )
        )
        state.stack = stack
        state.inside.append(strand)
        strand.operations.append(state)
        if worker.kind == "request" and state.earlier is None and state.made.origin == "import":
            state.earlier = ev.UsedEarlier(
                state.token, worker.token, worker.label, action, stack, locks
            )
        if action in _LETTING_GO:
            self._letting_go(state, strand, number, frame)
        return session, state, strand, number

    def _collected(self, session: Any, state: SessionState, strand: Strand) -> Mark:
        """A finalizer tidies up: in whatever strand, it is after all that its owner did."""
        state.number = _UNNOTED
        state.inside.append(strand)
        strand.operations.append(state)
        return session, state, strand, _UNNOTED

    def _stack(
        self, state: SessionState, strand: Strand, session: Any, frame: FrameType
    ) -> ev.Stack:
        if strand.token in state.met:
            return self.recorder.here(frame)
        state.met.add(strand.token)
        if strand.token == state.made.strand:
            return self.recorder.here(frame)  # the making has told the whole way here
        stack = self.recorder.stack(frame)
        for given, site in reach.bindings(strand, session):
            self.recorder.announce(given)
            self.recorder.trace.note(ev.Handed(given.token, state.token, site))
        return stack

    def end(self, mark: Mark) -> None:
        """The operation of ``mark`` has ended."""
        session, state, strand, number = mark
        try:
            state.inside.remove(strand)
            strand.operations.remove(state)
            if number == _UNNOTED:
                return
            tick = strand.clock.advance()
            state.touched = (strand, tick)
            if self.recorder.strands.foreign is not None:
                self.recorder.strands.foreign.join(strand.clock.export())
            self.recorder.trace.note(ev.Ended(number, tick, sqla.left_state(session)))
        except Exception as error:
            self.recorder.fault(error)

    # -- endings ---------------------------------------------------------------------------

    def _letting_go(
        self, state: SessionState, strand: Strand, number: int, frame: FrameType
    ) -> None:
        """A session is closed: by the function that made it?"""
        left = self.recorder.frames.leaving(frame) or strand.leaving
        maker = state.made.stack[0] if state.made.stack else None
        if left is not None and maker is not None and _same_function(left, maker):
            state.left = left
        if self.closing is not None:
            self.closing(state, strand, number)

    def _note_left(self, state: SessionState, frame: FrameType) -> None:
        """A closed session is used again: has the function that made and closed it returned?"""
        left, state.left = state.left, None
        if left is not None and not self._is_running(left, frame):
            self.recorder.trace.note(ev.OwnerReturned(state.token, left))
            state.left = left

    def _is_running(self, function: ev.Site, frame: FrameType) -> bool:
        """Whether a call of this function is under way, here, in a thread or in a waiting task.

        Asked only when a session is used again that the function had made and closed.
        """
        stack = self.recorder.frames.stack
        frames = [frame, *sys._current_frames().values()]
        for task, _ in self.recorder.strands.living_tasks():
            frames += task.get_stack()
        return any(_same_function(site, function) for each in frames for site in stack(each))


def _same_function(one: ev.Site, other: ev.Site) -> bool:
    return one.path == other.path and one.function == other.function


def _is_loader(caller: FrameType | None) -> bool:
    """Whether SQLAlchemy itself runs the operation, to load an attribute."""
    return caller is not None and caller.f_globals.get("__name__") in sqla.LOADERS


_LETTING_GO = {"close", "reset", "invalidate"}
_TIDYING = _LETTING_GO | {"rollback", "expunge_all"}
_UNNOTED = 0

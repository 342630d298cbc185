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
from pytest_sessionguard.observe.session_state import KEY, SessionRef, SessionState
from pytest_sessionguard.observe.strand import NO_LOCKS, Strand, Worker, held_locks
from pytest_sessionguard.observe.strands import in_request, in_startup
from pytest_sessionguard.observe.transparent import around

Mark = tuple[Any, SessionState, Strand, int]


class Sessions:
    """The hooks on Session, and the states of the live ones."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.checked_fork: Callable[[SessionState], None] | None = None
        self.making: Callable[[SessionState], None] | None = None
        self.closing: list[Callable[[SessionState, Strand, int], None]] = []
        self.served: Callable[[], None] | None = None
        self.touched: Callable[[SessionState, int, FrameType, ev.Stack], None] | None = None
        self._kind: type = type(None)
        self.in_use: dict[int, SessionState] = {}
        self._epoch = -1
        self._origins: dict[ev.Stack, str] = {}
        self._current = recorder.strands.current

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
        recorder, made = self.recorder, self._made

        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            if recorder.active:
                try:
                    made(self, sys._getframe())
                except Exception as error:
                    recorder.fault(error)

        return __init__

    def _made(self, session: Any, frame: FrameType) -> None:
        recorder = self.recorder
        strand, worker = recorder.who()
        stack = recorder.frames.stack(frame) or recorder.elsewhere(frame)
        origin = self._origins.get(stack) or self._origin(stack)
        if in_startup.get() and origin == "app" and in_request.get() is None:
            origin = "import"
        state = self._remember(session, strand, worker, stack, origin)
        if origin == "app" and worker.kind == "request" and self.making is not None:
            self.making(state)

    def _origin(self, stack: ev.Stack) -> str:
        origin = "app"
        if stack and stack[0].role == "test":
            origin = "test"
        else:
            for site in stack:
                if site.function == "<module>":
                    origin = "import" if site.role == "app" else "app"
                    break
        self._origins[stack] = origin
        return origin

    def _remember(
        self, session: Any, strand: Strand, worker: Worker, stack: ev.Stack, origin: str
    ) -> SessionState:
        token = self.recorder.next_token()
        made = ev.SessionMade(
            token, type(session).__name__, stack, strand.token, worker.token, None,
            sqla.is_bound(session), origin, False, self.recorder.strands.thread_of(strand),
        )  # fmt: skip
        reference = SessionRef(session, self._forget)
        reference.key = session.hash_key
        state = SessionState(token, reference, made, self.recorder.epoch.number)
        state.label = self.recorder.label("session")
        session.__dict__[KEY] = state
        return state

    def _forget(self, reference: weakref.ref[Any]) -> None:
        """A session is no more: what was known of it would only keep the collector busy."""
        if isinstance(reference, SessionRef):
            self.in_use.pop(reference.key, None)

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
        state.begin_trace(recorder.epoch.number)
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
            self._epoch, self.in_use = state.announced, {}
        if session is not None:
            self.in_use[session.hash_key] = state

    # -- operations ------------------------------------------------------------------------

    def _wrap(self, original: Any, action: str) -> Any:
        return around(original, action, self.begin, self.end, "self")

    def _wrap_transaction(self, original: Any, action: str) -> Any:
        return around(original, action, self.begin, self.end, "self.session")

    def begin(self, session: Any, action: str) -> Mark | None:
        """A method of the session begins; None when it is nested in another, or nobody watches."""
        if not self.recorder.active:
            return None
        try:
            strand = self._current()
            state: SessionState | None = session.__dict__.get(KEY)
            if state is None:
                if not self.is_session(session):
                    return None  # a double that was never initialised
                state = self.state(session)
            elif state.inside and strand in state.inside:
                return None
            wrapper = sys._getframe(1)
            caller = wrapper.f_back or wrapper  # none where a greenlet begins
            if action in _TIDYING and state.user is not strand and in_finalizer(wrapper):
                return self._collected(session, state, strand)
            return self.enter(session, state, strand, action, caller)
        except Exception as error:
            self.recorder.fault(error)
            return None

    # This and ``end`` are most of what watching costs: hence few calls, and ``tuple.__new__``.
    def enter(
        self,
        session: Any,
        state: SessionState,
        strand: Strand,
        action: str,
        frame: FrameType,
        via: str = "session",
    ) -> Mark | None:
        """An outermost operation begins; ``frame`` called it."""
        recorder = self.recorder
        if recorder.scheduler is not None:
            loads = via == "session" and _is_loader(frame)
            recorder.scheduler.point("load" if loads else action)
            self.used(state)
        trace, strands = recorder.trace, recorder.strands
        if len(trace.events) >= trace.limit:
            trace.cut = True
            return None
        if self.checked_fork is not None:
            self.checked_fork(state)
        worker = in_request.get() or strand.worker
        user, stack = recorder.frames.users(frame)
        if user is None:
            stack = recorder.elsewhere(frame)
        if user is not frame and via == "session" and _is_loader(frame):
            via, action = "instance", "load"
        number = state.number = recorder.next_token()
        if (
            state.announced != recorder.epoch.number
            or state.user is not strand
            or state.worker is not worker
        ):
            stack = self._meet(session, state, strand, frame) or stack
            if via == "instance" and self.touched is not None:
                self.touched(state, number, frame, stack)
        if state.left is not None:
            self._note_left(state, frame)
        clock = strand.clock
        if strands.foreign is not None:
            clock.join(strands.foreign.export())
        locks = held_locks(strand) if strand.locks or strand.inherited else NO_LOCKS
        thread = strand.token if strand.kind == "thread" else strands.thread_of(strand)
        trace.events.append(
            _new(ev.Began, (
                number, strand.token, worker.token, state.token, action, via, stack, clock.latest,
                locks, thread,
            ))
        )  # fmt: skip
        state.stack, state.frame = stack, user
        state.inside.append(strand)
        strand.operations.append(state)
        if state.imported and worker.kind == "request" and state.earlier is None:
            state.earlier = ev.UsedEarlier(
                state.token, worker.token, worker.label, action, stack, locks
            )
        if action in _LETTING_GO:
            self._letting_go(state, strand, number, user)
        return session, state, strand, number

    def _collected(self, session: Any, state: SessionState, strand: Strand) -> Mark:
        """A finalizer tidies up: in whatever strand, it is after all that its owner did."""
        state.number = _UNNOTED
        state.inside.append(strand)
        strand.operations.append(state)
        return session, state, strand, _UNNOTED

    def _meet(
        self, session: Any, state: SessionState, strand: Strand, frame: FrameType
    ) -> ev.Stack:
        """Another strand or worker than last time; the stack where a strand first met the session.

        Not for the strand that made it: the making has told the whole way here.
        """
        worker = self.recorder.described(strand)
        if state.announced != self.recorder.epoch.number:
            self.announce(state)
        state.user, state.worker = strand, worker
        strand.clock.renew()
        state.workers |= {worker.token}
        if worker.kind == "request":
            state.requests |= {worker.token}
            state.serves = len(state.requests) == 2
        if strand.token in state.met:
            return ()
        state.met |= {strand.token}
        if strand.token == state.made.strand:
            return ()
        stack = self.recorder.stack(frame)
        for given, site in reach.bindings(strand, session):
            self.recorder.announce(given)
            self.recorder.trace.note(ev.Handed(given.token, state.token, site))
        return stack

    def end(self, mark: Mark) -> None:
        """The operation of ``mark`` has ended."""
        session, state, strand, number = mark
        recorder = self.recorder
        try:
            state.inside.remove(strand)
            strand.operations.remove(state)
            if number == _UNNOTED:
                return
            clock, foreign = strand.clock, recorder.strands.foreign
            tick = clock.tick = clock.tick + 1
            state.tick, state.frame = tick, None
            if state.user is not strand:
                state.user = None
            if foreign is not None:
                foreign.join(clock.export())
            recorder.trace.events.append(_new(ev.Ended, (number, tick, sqla.left_state(session))))
            if state.serves and recorder.scheduler is None and self.served is not None:
                state.serves = False
                self.served()
        except Exception as error:
            recorder.fault(error)
        if recorder.scheduler is not None:
            self.used(state)
            recorder.scheduler.point("done")

    def used(self, state: SessionState) -> None:
        """Note, for the search, that a worker touches this session."""
        notes = self.recorder.notes()
        if notes is not None:
            notes.uses(state.label.name(self.recorder.epoch.number))

    # -- endings ---------------------------------------------------------------------------

    def _letting_go(
        self, state: SessionState, strand: Strand, number: int, user: FrameType | None
    ) -> None:
        """A session is closed: by the function that made it?"""
        left = self.recorder.frames.leaving_at(user) if user is not None else None
        left = left or strand.leaving
        maker = state.made.stack[0] if state.made.stack else None
        if left is not None and maker is not None and _same_function(left, maker):
            state.left, state.abandoned = left, self._abandoned_at(user) or state.abandoned
        for told in self.closing:
            told(state, strand, number)

    def _abandoned_at(self, user: FrameType | None) -> ev.Site | None:
        """The user's line that dropped the generator which closes the session now, if one did."""
        caller = user.f_back if user is not None else None
        if caller is None or not isinstance(sys.exc_info()[1], GeneratorExit):
            return None
        if self.recorder.frames.roles[caller.f_code.co_filename] != "app":
            return None
        return self.recorder.frames.alone(caller)[0]

    def _note_left(self, state: SessionState, frame: FrameType) -> None:
        """A closed session is used again: has the function that made and closed it returned?"""
        left, state.left = state.left, None
        if left is not None and not self._is_running(left, frame):
            self.recorder.trace.note(ev.OwnerReturned(state.token, left, state.abandoned))
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


def _is_loader(caller: FrameType) -> bool:
    """Whether SQLAlchemy itself runs the operation, to load an attribute."""
    return caller.f_globals.get("__name__") in sqla.LOADERS


_new = tuple.__new__  # half the cost of the named tuple's own
_LETTING_GO = {"close", "reset", "invalidate"}
_TIDYING = _LETTING_GO | {"rollback", "expunge_all"}
_UNNOTED = 0

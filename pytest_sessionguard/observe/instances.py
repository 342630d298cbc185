"""Observes instances: changes, detaching, attaching elsewhere, and DetachedInstanceError."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import FrameType
from typing import Any

from pytest_sessionguard import events as ev
from pytest_sessionguard.observe import reach, sqla
from pytest_sessionguard.observe.hooks import Hooks
from pytest_sessionguard.observe.keepers import Keepers, state_in
from pytest_sessionguard.observe.recorder import Recorder
from pytest_sessionguard.observe.recovery import WANTED, Recovery
from pytest_sessionguard.observe.session_state import SessionRef, SessionState
from pytest_sessionguard.observe.sessions import Mark, Sessions
from pytest_sessionguard.observe.strand import Strand

_DETACHED = "_sessionguard_detached"
_HOME = "_sessionguard_home"
_LOST = "_sessionguard_lost"


class Instances:
    """The hooks on InstanceState, attaching and DetachedInstanceError."""

    def __init__(self, recorder: Recorder, sessions: Sessions, keepers: Keepers) -> None:
        self.recorder = recorder
        self.sessions = sessions
        self.keepers = keepers
        self._live: Any = {}
        self.recovery = Recovery(recorder)

    def install(self, hooks: Hooks) -> None:
        """Wrap the four places."""
        from sqlalchemy.orm import Session
        from sqlalchemy.orm.exc import DetachedInstanceError
        from sqlalchemy.orm.state import InstanceState

        self._live = sqla.live_sessions()
        self.recovery.install(hooks)
        self.sessions.touched = self._touched
        hooks.wrap(InstanceState, "_detach_states", self._wrap_detach)
        hooks.wrap(InstanceState, "_modified_event", self._wrap_modified)
        hooks.wrap(Session, "_before_attach", self._wrap_attach)
        hooks.wrap(Session, "merge", self._wrap_merge)
        hooks.replace(DetachedInstanceError, "__init__", self._make_init(DetachedInstanceError))

    # -- detaching -------------------------------------------------------------------------

    def _wrap_detach(self, original: Any) -> Any:
        recorder, note = self.recorder, self._note_detached

        def _detach_states(
            cls: Any, states: Iterable[Any], session: Any, *rest: Any, **kw: Any
        ) -> Any:
            states = list(states)
            if states and recorder.active:
                try:
                    note(states, session, sys._getframe())
                except Exception as error:
                    recorder.fault(error)
            return original(cls, states, session, *rest, **kw)

        return _detach_states

    def _note_detached(self, states: list[Any], session: Any, frame: Any) -> None:
        recorder, state = self.recorder, self.sessions.state(session)
        inside, worker = state.inside, state.worker
        if len(inside) == 1 and inside[0] is state.user and worker is not None:
            strand = inside[0]  # whose operation detaches
            frame = state.frame or frame
        else:
            strand, worker = recorder.who()
        stack = recorder.frames.stack(frame) or recorder.elsewhere(frame)
        event = ev.Detached(state.number, state.token, strand.token, worker.token, stack)
        recorder.trace.note(event)
        name = state.label.name(recorder.epoch.number)
        for each in states:
            each._sessionguard_detached = event
            each._sessionguard_home = name

    def _make_init(self, error: type[Exception]) -> Any:
        recorder, note = self.recorder, self._note_access

        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
            recorder.shielded(note, sys._getframe().f_back)
            super(error, self).__init__(*args, **kwargs)  # type: ignore[misc]

        return __init__

    def _note_access(self, raising: Any) -> None:
        if not raising.f_globals.get("__name__", "").startswith("sqlalchemy."):
            return  # the user's own
        label, attribute, state = sqla.class_and_attribute(raising)
        strand, worker = self.recorder.who()
        detached: ev.Detached | None = getattr(state, _DETACHED, None)
        self._read_home(state)
        if detached is not None:
            self.recorder.trace.note(detached)
            given = reach.instance_binding(strand, state.obj())
            if given is not None:
                self.recorder.trace.note(ev.Handed(strand.token, detached.session, given[1]))
        number, stack = self.recorder.next_token(), self.recorder.stack(raising)
        if state is not None:
            self.recovery.detached(state, number, strand, stack)
            self.keepers.asked("read", number, detached.session if detached else None, state, stack)
        self.recorder.trace.note(
            ev.DetachedAccess(
                number, label, attribute, strand.token, worker.token, stack,
                strand.clock.seen, detached.session if detached else None,
                detached.number if detached else None,
            )
        )  # fmt: skip

    def _read_home(self, state: Any) -> None:
        """Note, for the search, that a worker has looked at the session an instance was in."""
        notes, name = self.recorder.notes(), getattr(state, _HOME, None)
        if notes is not None and name is not None:
            notes.reads(name)

    # -- attaching elsewhere ---------------------------------------------------------------

    def _wrap_attach(self, original: Any) -> Any:
        recorder, note, put_back = self.recorder, self._note_attach, self.recovery.put_back

        def _before_attach(self: Any, state: Any, obj: Any) -> Any:
            if state.session_id and state.session_id != self.hash_key:
                recorder.shielded(note, self, state)
            elif WANTED in state.__dict__:
                recorder.shielded(put_back, state)
            return original(self, state, obj)

        return _before_attach

    def _wrap_merge(self, original: Any) -> Any:
        recorder, put_back = self.recorder, self.recovery.put_back

        def merge(self: Any, instance: Any, *args: Any, **kwargs: Any) -> Any:
            state = getattr(instance, "_sa_instance_state", None)
            if state is not None and WANTED in state.__dict__:
                recorder.shielded(put_back, state)
            return original(self, instance, *args, **kwargs)

        return merge

    def _touched(
        self, session: SessionState, number: int, frame: FrameType, stack: ev.Stack
    ) -> None:
        """Another strand or worker loads or changes an attribute: of which instance?"""
        _, worker = self.recorder.who()
        reference = session.session
        if worker.token != session.made.worker and isinstance(reference, SessionRef):
            state = state_in(frame, reference.key)
            if state is not None:
                self.keepers.asked("touch", number, session.token, state, stack)

    def _note_attach(self, session: Any, state: Any) -> None:
        home = sqla.session_of_state(state)
        if home is None:
            return
        strand, worker = self.recorder.who()
        guarded, home_state = self.sessions.state(session), self.sessions.state(home)
        self.sessions.used(home_state)
        for each in (guarded, home_state):
            if each.announced != self.recorder.epoch.number:
                self.sessions.announce(each)
        number = self.recorder.next_token()
        stack = self.recorder.stack()
        self.recovery.refused(state, number)
        self.keepers.asked("attach", number, home_state.token, state, stack)
        self.recorder.trace.note(
            ev.ForeignAttach(
                guarded.token, home_state.token, state.class_.__name__, strand.token, worker.token,
                stack, number,
            )
        )  # fmt: skip

    # -- changes ---------------------------------------------------------------------------

    def _wrap_modified(self, original: Any) -> Any:
        recorder, begin, end = self.recorder, self._begin_change, self.sessions.end
        lost = self._note_lost

        def _modified_event(self: Any, dict_: Any, attr: Any, *rest: Any, **kw: Any) -> Any:
            mark = begin(self.session_id) if self.session_id and recorder.active else None
            if not self.session_id and _DETACHED in self.__dict__:
                recorder.shielded(lost, self, attr, sys._getframe())
            if mark is None:
                return original(self, dict_, attr, *rest, **kw)
            try:
                return original(self, dict_, attr, *rest, **kw)
            finally:
                end(mark)

        return _modified_event

    def _begin_change(self, key: int) -> Mark | None:
        """An attribute is set: noted when it tells more than this strand's last operation did.

        It does when another strand was there since, or when the strand has passed its clock on:
        what it does now is not ordered before whoever got it.
        """
        recorder, sessions = self.recorder, self.sessions
        try:
            strand, state = recorder.strands.current(), sessions.in_use.get(key)
            if (
                state is not None
                and state.user is strand
                and strand.clock.passed_on < state.tick
                and state.announced == recorder.epoch.number
            ):
                if recorder.scheduler is not None:
                    sessions.used(state)
                return None
            session = self._live.get(key)
            if session is None:
                return None
            state = sessions.state(session)
            if strand in state.inside:
                return None
            return sessions.enter(session, state, strand, "change", sys._getframe(1), "instance")
        except Exception as error:
            recorder.fault(error)
            return None

    def _note_lost(self, state: Any, attribute: Any, frame: FrameType) -> None:
        """A detached instance is changed by work that had been given it, when it may not have been."""
        if not sqla.is_column(attribute) or state.key is None:
            return
        strand, worker = self.recorder.who()
        if state.__dict__.get(_LOST) == strand.token:
            return
        given = reach.instance_binding(strand, state.obj())
        if given is None:
            return
        state.__dict__[_LOST] = strand.token
        self._read_home(state)
        detached, (owner, site) = state.__dict__[_DETACHED], given
        self.recorder.announce(owner)
        number = self.recorder.next_token()
        self.recovery.refused(state, number)
        self.recorder.trace.note(
            ev.LostChange(
                number, state.class_.__name__, attribute.key, strand.token, worker.token,
                self.recorder.stack(frame), detached.session, detached.number, owner.token, owner.bound,
                site, self._is_loaded_anew(strand, state.key),
            )
        )  # fmt: skip

    def _is_loaded_anew(self, strand: Strand, key: Any) -> bool:
        """Whether a strand has this row in a session of its own."""
        epoch = self.recorder.epoch.number
        for known in list(self.sessions.in_use.values()):
            if known.announced == epoch and strand.token in known.met:
                session = known.session()
                if session is not None and key in session.identity_map:
                    return True
        return False

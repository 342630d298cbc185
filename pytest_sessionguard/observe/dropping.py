"""Observes asynchronous generators that are dropped at their ``yield``.

``await anext(get_db())`` and ``async for session in get_db(): return session`` keep the Session and
not the generator. The loop then ends the generator in a task of its own: some time later, beside
whoever goes on with the Session.
"""

from __future__ import annotations

import asyncio.base_events
import inspect
import sys
from types import FrameType
from typing import Any

from pytest_sessionguard import events as ev
from pytest_sessionguard.observe import reach, sqla
from pytest_sessionguard.observe.hooks import Hooks
from pytest_sessionguard.observe.keepers import source_of
from pytest_sessionguard.observe.recorder import Recorder
from pytest_sessionguard.observe.sessions import Sessions
from pytest_sessionguard.observe.stores import looped_at


class Dropping:
    """The hook on what a loop does with a generator that nobody keeps."""

    def __init__(self, recorder: Recorder, sessions: Sessions) -> None:
        self.recorder = recorder
        self.sessions = sessions

    def install(self, hooks: Hooks) -> None:
        """Wrap the method that every loop gives to the interpreter."""
        loop = asyncio.base_events.BaseEventLoop
        hooks.wrap(loop, "_asyncgen_finalizer_hook", self._wrap)

    def _wrap(self, original: Any) -> Any:
        recorder, dropped = self.recorder, self._dropped

        def _asyncgen_finalizer_hook(self: Any, agen: Any) -> None:
            recorder.shielded(dropped, agen, sys._getframe().f_back)
            original(self, agen)

        return _asyncgen_finalizer_hook

    def _dropped(self, generator: Any, frame: FrameType | None) -> None:
        if frame is None or self.recorder.frames.roles[frame.f_code.co_filename] != "app":
            return
        for held in reach.coroutine_locals(generator):
            session = sqla.sync_session(held)
            if self.sessions.is_session(session):
                state, site = self.sessions.state(session), self.recorder.frames.alone(frame)[0]
                passes_on = bool(frame.f_code.co_flags & inspect.CO_ASYNC_GENERATOR)
                if passes_on:
                    line = looped_at(source_of(frame.f_code.co_filename), site.line)
                    site = site._replace(line=line)
                state.abandoned = site
                self.recorder.trace.note(ev.Abandoned(state.token, site, passes_on))

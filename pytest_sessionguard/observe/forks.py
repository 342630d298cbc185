"""Observes forks: a child process that goes on with its parent's session or connections.

A child often ends with ``os._exit``, so what it sees is written to a file at once, and the parent
takes it into its own trace when the test ends.
"""

from __future__ import annotations

import multiprocessing.process
import os
import pickle
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from pytest_sessionguard import events as ev
from pytest_sessionguard.observe import sqla
from pytest_sessionguard.observe.connections import Connections
from pytest_sessionguard.observe.hooks import Hooks
from pytest_sessionguard.observe.recorder import Recorder, made_at
from pytest_sessionguard.observe.session_state import SessionState
from pytest_sessionguard.observe.sessions import Sessions

_STACK = "_sessionguard"
_watching: list[Forks] = []


class Forks:
    """Watches ``os.fork``; the interpreter cannot forget a fork handler, so it asks ``_watching``."""

    def __init__(self, recorder: Recorder, sessions: Sessions, connections: Connections) -> None:
        self.recorder = recorder
        self.sessions = sessions
        self.connections = connections
        self._parent = os.getpid()
        self._forked: ev.Stack = ()
        self._bound: ev.Stack = ()
        self._at = 0.0
        self._spool: Path | None = None
        self._last_token = 0
        self._said: set[int] = set()

    def install(self, hooks: Hooks) -> None:
        """Watch from now on."""
        if not _handlers_registered:
            os.register_at_fork(before=_before_fork, after_in_child=_in_child)
            _handlers_registered.append(True)
        _watching.append(self)
        hooks.wrap(multiprocessing.process.BaseProcess, "__init__", self._wrap_process_init)
        hooks.wrap(multiprocessing.process.BaseProcess, "start", self._wrap_process_start)
        hooks.on_remove(_watching.clear)
        hooks.on_remove(self._forget_spool)

    def _wrap_process_init(self, original: Any) -> Any:
        recorder = self.recorder

        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            self.__dict__[_STACK] = recorder.shielded(made_at, recorder, sys._getframe(), self)

        return __init__

    def _wrap_process_start(self, original: Any) -> Any:
        def start(process: Any) -> Any:
            self._bound = process.__dict__.pop(_STACK, None) or ()
            if self.recorder.scheduler is not None:  # spawned ones do not fork this process
                self.recorder.scheduler.forking()
            try:
                return original(process)
            finally:
                self._bound = ()

        return start

    def before(self) -> None:
        """The process is about to fork; a Process is to blame where its arguments were bound."""
        if self.recorder.scheduler is not None:
            self.recorder.scheduler.forking()
        self._forked = self._bound or self.recorder.frames.stack(sys._getframe())
        self._at = time.time()
        self._last_token = self.recorder.next_token()
        if self._spool is None:
            handle, name = tempfile.mkstemp(prefix="sessionguard-")
            os.close(handle)
            self._spool = Path(name)

    def in_child(self) -> None:
        """This is the child now. The other workers are not there: it waits for nobody's turn."""
        self.recorder.scheduler = None
        if self._forked:
            self.sessions.checked_fork = self._check_session
            self.connections.taken = self._check_connection

    def collect(self) -> None:
        """Take what children wrote into the parent's trace."""
        if self._spool is None or os.getpid() != self._parent or not self._spool.exists():
            return
        with self._spool.open("rb") as spool:
            while True:
                try:
                    self.recorder.trace.note(pickle.load(spool))
                except EOFError:
                    break
        self._spool.write_bytes(b"")

    def _forget_spool(self) -> None:
        if self._spool is not None and os.getpid() == self._parent:
            self._spool.unlink(missing_ok=True)
            self._spool = None

    # -- in the child ----------------------------------------------------------------------

    def _check_session(self, state: SessionState) -> None:
        """Called before each operation: does it go on with what the parent's session held?"""
        if state.token in self._said or state.token > self._last_token:
            return
        self._said.add(state.token)
        session = state.session()
        if session is not None and sqla.left_state(session):
            self._write("session", state.token, state.made.stack)

    def _check_connection(self, record: Any, stack: ev.Stack) -> None:
        if record.starttime and record.starttime < self._at:
            self._write("connection", None, ())

    def _write(self, what: str, session: int | None, made: ev.Stack) -> None:
        if self._spool is None:
            return
        event = ev.ForkedUse(what, session, made, self._forked, self.recorder.stack())
        with self._spool.open("ab") as spool:
            spool.write(pickle.dumps(event))


_handlers_registered: list[bool] = []


def _before_fork() -> None:
    for forks in _watching:
        forks.recorder.shielded(forks.before)


def _in_child() -> None:
    for forks in _watching:
        forks.recorder.shielded(forks.in_child)

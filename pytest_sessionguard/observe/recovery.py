"""Observes how the code goes on after SQLAlchemy refused: did its owner know what to do?

A detached instance that is put into a session again, or merged, is dealt with; so is one whose
row the handler of the error, or the function that had asked, loads anew. An instance that was
refused because it is in another session is dealt with by merging it, or by taking it out first.
"""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any, NamedTuple

from pytest_sessionguard import events as ev
from pytest_sessionguard.observe import sqla
from pytest_sessionguard.observe.hooks import Hooks
from pytest_sessionguard.observe.recorder import Recorder
from pytest_sessionguard.observe.strand import Strand

WANTED = "_sessionguard_wanted"


class Pending(NamedTuple):
    """A detached instance was asked in vain, and its row has not been loaded anew."""

    number: int
    strand: Strand
    stack: ev.Stack


class Recovery:
    """What was refused in this test; while there is something, lookups of identities are seen."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self._pending: dict[Any, list[Pending]] = {}
        self._epoch = -1
        self._hooks = Hooks()
        self._error: type[BaseException] = BaseException

    def install(self, hooks: Hooks) -> None:
        """Nothing is hooked until something was refused."""
        from sqlalchemy.orm.exc import DetachedInstanceError

        self._error = DetachedInstanceError
        hooks.on_remove(self._hooks.remove)

    def refused(self, state: Any, number: int) -> None:
        """An operation with this number on the instance failed."""
        state.__dict__.setdefault(WANTED, []).append(number)

    def detached(self, state: Any, number: int, strand: Strand, stack: ev.Stack) -> None:
        """A detached instance was asked for something it had not."""
        self.refused(state, number)
        if self._epoch != self.recorder.epoch.number:
            self._epoch = self.recorder.epoch.number
            self._pending.clear()
        if state.key is not None and stack:
            self._pending.setdefault(state.key, []).append(Pending(number, strand, stack))
            self._hooks.remove()
            self._hooks.wrap(sqla.identity_map_class(), "get", self._wrap_get)

    def put_back(self, state: Any) -> None:
        """The instance itself is put into a session, or merged."""
        for number in state.__dict__.pop(WANTED, ()):
            self.recorder.trace.note(ev.Recovered(number))

    def _wrap_get(self, original: Any) -> Any:
        """Each row is looked up in the session's identity map before it is loaded."""
        recorder, looked_up, pending = self.recorder, self._looked_up, self._pending

        def get(self_: Any, key: Any, *default: Any) -> Any:
            if key in pending:
                recorder.shielded(looked_up, key, sys._getframe())
            return original(self_, key, *default)

        return get

    def _looked_up(self, key: Any, frame: FrameType) -> None:
        if self._epoch != self.recorder.epoch.number:
            self._hooks.remove()
            return
        strand = self.recorder.strands.current()
        stack = self.recorder.frames.stack(frame)
        handling = self._is_handling()
        left = []
        for each in self._pending.pop(key):
            if each.strand is strand and (handling or is_same_call(each.stack, stack)):
                self.recorder.trace.note(ev.Recovered(each.number))
            else:
                left.append(each)
        if left:
            self._pending[key] = left

    def _is_handling(self) -> bool:
        """Whether this runs in the handler of the error."""
        error = sys.exc_info()[1]
        while error is not None:
            if isinstance(error, self._error):
                return True
            error = error.__context__
        return False


def is_same_call(asked: ev.Stack, now: ev.Stack) -> bool:
    """Whether the call of the function that asked is still under way: the lines below are the same."""
    path, _, function, _ = asked[0]
    below = asked[1:]
    for at, site in enumerate(now):
        rest = now[at + 1 :]
        common = min(len(rest), len(below))
        if (site.path, site.function) == (path, function) and rest[:common] == below[:common]:
            return True
    return False

"""Observes work that a response carries along: background tasks and streamed bodies.

It runs in the request's own task, after the function that set it up has returned. It is a strand
of its own: ordered after the request's work until then and before the rest of it, started with the
arguments that were bound where it was set up.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, NamedTuple

from pytest_sessionguard.events import Stack
from pytest_sessionguard.observe.hooks import Hooks
from pytest_sessionguard.observe.recorder import Recorder, made_at
from pytest_sessionguard.observe.strand import Strand

_MADE = "_sessionguard"


class Made(NamedTuple):
    """The lines that made a piece of deferred work, and when; with itself if it has slots only."""

    deferred: Any
    stack: Stack
    token: int


class Deferred:
    """The hooks on Starlette's BackgroundTask and StreamingResponse, and Litestar's BackgroundTask."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self._slotted: dict[int, Made] = {}

    def watchers(self) -> dict[str, Callable[[Any, Hooks], None]]:
        """Module name -> what to wrap once it has been imported."""
        return {
            "starlette.background": lambda module, hooks: self._watch(
                module.BackgroundTask, "__call__", hooks
            ),
            "starlette.responses": lambda module, hooks: self._watch(
                module.StreamingResponse, "stream_response", hooks
            ),
            "litestar.background_tasks": lambda module, hooks: self._watch(
                module.BackgroundTask, "__call__", hooks
            ),
        }

    def _watch(self, kind: Any, runs: str, hooks: Hooks) -> None:
        hooks.wrap(kind, "__init__", self._wrap_init)
        hooks.wrap(kind, runs, self._wrap_run)

    def _wrap_init(self, original: Any) -> Any:
        recorder, keep = self.recorder, self._keep

        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            recorder.shielded(keep, self, sys._getframe())

        return __init__

    def _keep(self, deferred: Any, frame: FrameType) -> None:
        made = Made(deferred, made_at(self.recorder, frame, deferred), self.recorder.next_token())
        if hasattr(deferred, "__dict__"):
            deferred.__dict__[_MADE] = made._replace(deferred=None)
        else:
            self._slotted[id(deferred)] = made

    def _made(self, deferred: Any) -> Made | None:
        if hasattr(deferred, "__dict__"):
            found: Made | None = deferred.__dict__.get(_MADE)
            return found
        return self._slotted.pop(id(deferred), None)

    def _wrap_run(self, original: Any) -> Any:
        recorder, begin, end = self.recorder, self._begin, self._end

        async def run(self: Any, *args: Any, **kwargs: Any) -> Any:
            place = recorder.shielded(begin, self)
            try:
                return await original(self, *args, **kwargs)
            finally:
                if place is not None:
                    recorder.shielded(end, *place)

        return run

    def _begin(self, deferred: Any) -> tuple[Strand, Strand | None, Strand] | None:
        made = self._made(deferred)
        if made is None or not made.stack:
            return None
        strands = self.recorder.strands
        place = strands.underlying()
        function = getattr(deferred, "func", None) or getattr(deferred, "fn", None)
        name = getattr(function, "__qualname__", type(deferred).__name__)
        strand = strands.spawn("job", f"background {name}", made.stack, own_work=False)
        strand.bound = made.token
        things = _things(deferred)
        strand.reach = lambda: things
        before, place.job = place.job, strand
        return place, before, strand

    def _end(self, place: Strand, before: Strand | None, strand: Strand) -> None:
        place.job = before
        self.recorder.end_strand(strand)
        (before or place).clock.join(strand.clock.export())


def _things(deferred: Any) -> list[Any]:
    body = getattr(deferred, "body_iterator", None)
    if body is not None:
        return [body]
    return [getattr(deferred, "func", None) or deferred.fn, deferred.args, deferred.kwargs]

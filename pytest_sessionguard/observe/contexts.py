"""Observes Flask's contexts: what is pushed inside a worker is a nested worker.

Pushed by the test, a context is the test, and requests sent within it leave their scope to the
test. The context that a request pushes for itself, and pushes again to stream, is the request.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from pytest_sessionguard.observe.hooks import Hooks
from pytest_sessionguard.observe.recorder import Recorder
from pytest_sessionguard.observe.requests import Requests
from pytest_sessionguard.observe.strand import Worker
from pytest_sessionguard.observe.strands import in_request, test_contexts

_WORKER = "_sessionguard_worker"
_OWNER = "_sessionguard_owner"
_pushing: ContextVar[bool] = ContextVar("sessionguard_pushing", default=False)


class Contexts:
    """The hooks on ``push`` and ``pop``."""

    def __init__(self, recorder: Recorder, requests: Requests) -> None:
        self.recorder = recorder
        self.requests = requests

    def watch(self, module: Any, hooks: Hooks) -> None:
        """Wrap the contexts of ``flask.ctx``; newer versions have one class for both."""
        request_context, app_context = module.RequestContext, module.AppContext
        if request_context is not app_context:
            hooks.wrap(request_context, "push", self._wrap_request_push)
            hooks.wrap(request_context, "pop", self._wrap_pop)
        hooks.wrap(app_context, "push", self._wrap_push)
        hooks.wrap(app_context, "pop", self._wrap_pop)

    def _wrap_request_push(self, original: Any) -> Any:
        """A request context brings its application context along."""
        recorder = self.recorder

        def push(self_: Any, *args: Any, **kwargs: Any) -> Any:
            recorder.shielded(self._pushed, self_)
            reset = _pushing.set(True)
            try:
                return original(self_, *args, **kwargs)
            finally:
                _pushing.reset(reset)

        return push

    def _wrap_push(self, original: Any) -> Any:
        """An application context pushed alone."""
        recorder = self.recorder

        def push(self_: Any, *args: Any, **kwargs: Any) -> Any:
            if _pushing.get():
                self_.__dict__[_OWNER] = in_request.get()
            else:
                recorder.shielded(self._pushed, self_)
            return original(self_, *args, **kwargs)

        return push

    def _wrap_pop(self, original: Any) -> Any:
        """The context's worker ends after its teardown functions."""
        recorder = self.recorder

        def pop(self_: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                return original(self_, *args, **kwargs)
            finally:
                recorder.shielded(self._popped, self_)

        return pop

    def _pushed(self, context: Any) -> None:
        strand = self.recorder.strands.current()
        outer = self.recorder.strands.worker(strand)
        if outer.kind == "test":
            test_contexts.set(test_contexts.get() + 1)
            context.__dict__.setdefault(_WORKER, []).append(None)
            return
        if self._is_of(context, outer):
            context.__dict__.setdefault(_WORKER, []).append(outer)
            return
        stack = self.recorder.stack()
        site = stack[0] if stack else None
        worker = self.recorder.strands.make_worker("context", "application context", outer, site)
        worker.inside_test_context = outer.inside_test_context
        context.__dict__.setdefault(_WORKER, []).append((worker, in_request.get()))
        in_request.set(worker)

    def _is_of(self, context: Any, worker: Worker) -> bool:
        """Whether the context is the one of the request that ``worker`` is, or was and is back."""
        if context.__dict__.get(_OWNER) is worker:
            return True
        if worker.kind != "request":
            return False
        request = context.__dict__.get("request") or context.__dict__.get("_request")
        return self.requests.is_current(getattr(request, "environ", None), worker)

    def _popped(self, context: Any) -> None:
        pushed = context.__dict__.get(_WORKER)
        if not pushed:
            return
        entry = pushed.pop()
        if entry is None:
            test_contexts.set(max(0, test_contexts.get() - 1))
        elif isinstance(entry, tuple):
            worker, outer = entry
            in_request.set(outer)
            self.recorder.end_worker(worker)

"""Observes requests: each HTTP request served in this process is a worker.

A number of ours in the environment or the scope tells a request: mounted apps and middleware pass
it on, in copies too. Where they make a new one, the same ``wsgi.input`` or ``scope["headers"]`` is
the same request. A request within a request is a worker of its own.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from contextvars import Token
from typing import Any

from pytest_sessionguard.observe.loopback import Loopback
from pytest_sessionguard.observe.recorder import Recorder
from pytest_sessionguard.observe.strand import Strand, Worker
from pytest_sessionguard.observe.strands import in_request, in_startup, test_contexts

LOOPBACK = ("127.0.0.1", "::1")
_WORKER = "_sessionguard_worker"
_NUMBER = "sessionguard.request"
Arrived = tuple[str, Any, Any]
"""A request's label, what tells it from others, and what takes its number along."""
Place = tuple[Worker, Token[Worker | None]]


class Requests:
    """What begins and ends a request; ``loopback`` orders it after its client and before it."""

    def __init__(self, recorder: Recorder, loopback: Loopback) -> None:
        self.recorder = recorder
        self.loopback = loopback
        self._keys: dict[int, Any] = {}
        self._unclosed: dict[int, Worker] = {}

    # -- begin and end ---------------------------------------------------------------------

    def begin(self, label: str, key: Any, carrier: Any = None) -> Worker | None:
        """A request arrives; None when it is the one that is being served already.

        ``carrier`` is the environment or scope that takes the number along.
        """
        strand = self.recorder.strands.current()
        outer = self.recorder.strands.worker(strand)
        if outer.kind == "request" and not outer.ended:
            known = self._keys.get(outer.token)
            if known is key or known is None or _number_in(carrier) == outer.token:
                self._keys[outer.token] = key
                return None
        self._end_unclosed(strand)
        worker = self.recorder.strands.make_worker("request", label, outer, None)
        in_tests = outer.kind == "test" and test_contexts.get() > 0
        worker.inside_test_context = in_tests or outer.inside_test_context
        self._keys[worker.token] = key
        if isinstance(carrier, dict):
            carrier[_NUMBER] = worker.token
        return worker

    def is_current(self, environ: Any, worker: Worker) -> bool:
        """Whether ``worker`` is the request with this WSGI environment."""
        known = self._keys.get(worker.token)
        if environ is None or known is None:
            return False
        return _number_in(environ) == worker.token or environ.get("wsgi.input") is known

    def end(self, worker: Worker) -> None:
        """The request has been answered."""
        self._keys.pop(worker.token, None)
        self.recorder.end_worker(worker)

    def left_open(self, worker: Worker) -> None:
        """The response is being read; a client that never closes it ends it with its next request."""
        self._unclosed[self.recorder.strands.current().token] = worker

    def _end_unclosed(self, strand: Strand) -> None:
        worker = self._unclosed.pop(strand.token, None)
        if worker is not None and worker is not in_request.get():
            self.end(worker)

    def end_all_unclosed(self) -> None:
        """The body of the test has ended, and with it every response it did not close."""
        for worker in self._unclosed.values():
            self.end(worker)
        self._unclosed.clear()

    # -- WSGI ------------------------------------------------------------------------------

    def wsgi(self, application: Callable[..., Any]) -> Callable[..., Any]:
        """``application(environ, start_response)``, each call a request."""
        recorder = self.recorder

        def serve_wsgi(environ: Any, start_response: Any) -> Any:
            label = f"{environ.get('REQUEST_METHOD', '?')} {environ.get('PATH_INFO', '')}"
            worker = recorder.shielded(self.begin, label, environ.get("wsgi.input"), environ)
            if worker is None:
                return application(environ, start_response)
            port = environ.get("REMOTE_PORT")
            recorder.shielded(self.loopback.arrived, port)
            reset = in_request.set(worker)
            body: Any = ()
            try:
                body = application(environ, start_response)
            finally:
                in_request.reset(reset)
                recorder.shielded(self.loopback.answering, port)
                if isinstance(body, list | tuple):
                    recorder.shielded(self.end, worker)
            if isinstance(body, list | tuple):
                return body
            if type(body) is environ.get("wsgi.file_wrapper"):
                recorder.shielded(self.end, worker)
                return body
            recorder.shielded(self.left_open, worker)
            return Body(body, worker, self, port)

        return serve_wsgi

    def wrap_wsgi_method(self, original: Any) -> Any:
        """For ``method(self, environ, start_response)`` of a framework's application class."""

        def call(self_: Any, environ: Any, start_response: Any) -> Any:
            def application(environ: Any, start_response: Any) -> Any:
                return original(self_, environ, start_response)

            return self.wsgi(application)(environ, start_response)

        return call

    def wrap_wsgi_runner(self, original: Any) -> Any:
        """For a test client's ``run(app, environ, ...)``."""

        def run(app: Any, *args: Any, **kwargs: Any) -> Any:
            return original(self.wsgi(app), *args, **kwargs)

        return run

    def wrap_wsgi_method_runner(self, original: Any) -> Any:
        """For a method ``run(self, app, ...)`` of a client, a handler or a server."""

        def run(self_: Any, app: Any, *args: Any, **kwargs: Any) -> Any:
            return original(self_, self.wsgi(app), *args, **kwargs)

        return run

    def wrap_wsgi_holder(self, name: str) -> Callable[[Any], Any]:
        """For the ``__init__`` of a transport or server that keeps the app as ``name``."""

        def make(original: Any) -> Any:
            def __init__(self_: Any, *args: Any, **kwargs: Any) -> None:
                original(self_, *args, **kwargs)
                app = getattr(self_, name, None)
                if callable(app):
                    setattr(self_, name, self.wsgi(app))

            return __init__

        return make

    # -- ASGI ------------------------------------------------------------------------------

    def asgi(self, application: Callable[..., Any]) -> Callable[..., Any]:
        """``application(scope, receive, send)``, each call for HTTP or a websocket a request."""
        recorder = self.recorder

        async def serve_asgi(scope: Any, receive: Any, send: Any) -> Any:
            kind = scope.get("type")
            if kind not in ("http", "websocket"):
                starting = in_startup.set(kind == "lifespan" or in_startup.get())
                try:
                    return await application(scope, receive, send)
                finally:
                    in_startup.reset(starting)
            label = f"{scope.get('method', 'WS')} {scope.get('path', '')}"
            worker = recorder.shielded(self.begin, label, scope.get("headers"), scope)
            if worker is None:
                return await application(scope, receive, send)
            host, port = scope.get("client") or ("", None)
            port = port if host in LOOPBACK else None
            recorder.shielded(self.loopback.arrived, port)

            async def answer(message: Any) -> None:
                recorder.shielded(self.loopback.answering, port)
                await send(message)

            reset = in_request.set(worker)
            try:
                return await application(scope, receive, answer if port else send)
            finally:
                in_request.reset(reset)
                recorder.shielded(self.end, worker)

        return serve_asgi

    def wrap_asgi_method(self, original: Any) -> Any:
        """For ``method(self, scope, receive, send)`` of a framework's application class."""

        async def call(self_: Any, scope: Any, receive: Any, send: Any) -> Any:
            async def application(scope: Any, receive: Any, send: Any) -> Any:
                return await original(self_, scope, receive, send)

            return await self.asgi(application)(scope, receive, send)

        return call

    def wrap_handler(self, arrived: Callable[[Any, tuple[Any, ...]], Arrived]) -> Any:
        """For a method that answers one request whole; ``arrived(self, arguments)`` describes it."""
        recorder, enter, leave = self.recorder, self._enter, self._leave

        def make(original: Any) -> Any:
            def handle(self_: Any, *args: Any, **kwargs: Any) -> Any:
                place = recorder.shielded(enter, arrived, self_, args)
                try:
                    return original(self_, *args, **kwargs)
                finally:
                    leave(place)

            async def handle_async(self_: Any, *args: Any, **kwargs: Any) -> Any:
                place = recorder.shielded(enter, arrived, self_, args)
                try:
                    return await original(self_, *args, **kwargs)
                finally:
                    leave(place)

            return handle_async if inspect.iscoroutinefunction(original) else handle

        return make

    def _enter(self, arrived: Any, handler: Any, arguments: Any) -> Place | None:
        worker = self.begin(*arrived(handler, arguments))
        return (worker, in_request.set(worker)) if worker is not None else None

    def _leave(self, place: Place | None) -> None:
        if place is not None:
            worker, reset = place
            in_request.reset(reset)
            self.recorder.shielded(self.end, worker)

    def wrap_startup(self, original: Any) -> Any:
        """For a framework's own method that runs what the app has for its start."""

        async def start(self_: Any, *args: Any, **kwargs: Any) -> Any:
            starting = in_startup.set(True)
            try:
                return await original(self_, *args, **kwargs)
            finally:
                in_startup.reset(starting)

        return start

    def wrap_asgi_transport(self, original: Any) -> Any:
        """For the ``__init__`` of an in-process transport, whose ``app`` is any ASGI callable."""

        def __init__(self_: Any, *args: Any, **kwargs: Any) -> None:
            original(self_, *args, **kwargs)
            app = self_.app
            if not hasattr(type(app), _WORKER):
                self_.app = AsgiApp(app, self.asgi(app))

        return __init__


def _number_in(carrier: Any) -> int | None:
    return carrier.get(_NUMBER) if isinstance(carrier, dict) else None


class AsgiApp:
    """An ASGI app seen through a transport: calls are observed, everything else is the app's."""

    _sessionguard_worker = True

    def __init__(self, app: Any, call: Callable[..., Any]) -> None:
        self.__dict__.update(_app=app, _call=call)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        return await self._call(scope, receive, send)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._app, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._app, name, value)


class Body:
    """A WSGI iterable whose iteration and closing run as the request."""

    def __init__(
        self, body: Iterable[bytes], worker: Worker, requests: Requests, port: Any
    ) -> None:
        self._body = body
        self._chunks: Iterator[bytes] | None = None
        self._worker = worker
        self._requests = requests
        self._port = port

    def __iter__(self) -> Body:
        return self

    def __next__(self) -> bytes:
        reset = in_request.set(self._worker)
        try:
            if self._chunks is None:
                self._chunks = iter(self._body)
            return next(self._chunks)
        finally:
            in_request.reset(reset)
            recorder = self._requests.recorder
            recorder.shielded(self._requests.loopback.answering, self._port)

    def close(self) -> None:
        """End the request."""
        close = getattr(self._body, "close", None)
        reset = in_request.set(self._worker)
        try:
            if close is not None:
                close()
        finally:
            in_request.reset(reset)
            self._requests.recorder.shielded(self._requests.end, self._worker)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._body, name)

"""Where each web framework, test client and server hands a request to its application."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from pytest_sessionguard.observe.contexts import Contexts
from pytest_sessionguard.observe.hooks import Hooks
from pytest_sessionguard.observe.requests import Arrived, Requests

WSGI_APPLICATIONS = {
    "flask.app": ("Flask", "__call__"),
    "bottle": ("Bottle", "__call__"),
    "falcon.app": ("App", "__call__"),
    "pyramid.router": ("Router", "__call__"),
    "django.core.handlers.wsgi": ("WSGIHandler", "__call__"),
    "morepath.app": ("App", "__call__"),
}
WSGI_RUNNERS = {"werkzeug.test": "run_wsgi_app"}
WSGI_METHOD_RUNNERS = {
    "webob.request": ("BaseRequest", "call_application"),
    "wsgiref.handlers": ("BaseHandler", "run"),
}
WSGI_HOLDERS = {
    "httpx._transports.wsgi": ("WSGITransport", "app"),
    "werkzeug.serving": ("BaseWSGIServer", "app"),
    "gevent.pywsgi": ("WSGIServer", "application"),
}
ASGI_APPLICATIONS = {
    "starlette.applications": ("Starlette", "__call__"),
    "fastapi.applications": ("FastAPI", "__call__"),
    "litestar.app": ("Litestar", "__call__"),
    "quart.app": ("Quart", "__call__"),
    "django.core.handlers.asgi": ("ASGIHandler", "__call__"),
    "sanic.app": ("Sanic", "__call__"),
}


def _of_aiohttp(_: Any, arguments: tuple[Any, ...]) -> Arrived:
    (request,) = arguments
    return f"{request.method} {request.path}", request, None


def _of_tornado(handler: Any, _: tuple[Any, ...]) -> Arrived:
    request = handler.request
    return f"{request.method} {request.path}", request, None


def _of_environ(_: Any, arguments: tuple[Any, ...]) -> Arrived:
    (environ,) = arguments
    label = f"{environ.get('REQUEST_METHOD', '?')} {environ.get('PATH_INFO', '')}"
    return label, environ.get("wsgi.input"), environ


def _of_scope(_: Any, arguments: tuple[Any, ...]) -> Arrived:
    (scope,) = arguments
    return f"{scope.get('method', '?')} {scope.get('path', '')}", scope.get("headers"), scope


# Frameworks that speak HTTP themselves, and clients that call their handlers.
HANDLERS: dict[str, tuple[tuple[str, str, Any], ...]] = {
    "aiohttp.web_app": (("Application", "_handle", _of_aiohttp),),
    "tornado.web": (("RequestHandler", "_execute", _of_tornado),),
    "django.test.client": (
        ("ClientHandler", "__call__", _of_environ),
        ("AsyncClientHandler", "__call__", _of_scope),
    ),
}
APPLICATIONS = frozenset(
    (module, name)
    for table in (WSGI_APPLICATIONS, ASGI_APPLICATIONS)
    for module, (name, _) in table.items()
) | {("aiohttp.web_app", "Application"), ("tornado.web", "Application")}
"""The classes of which an app is one object for all requests: module and name."""
STARTUPS = {
    "aiohttp.web_app": ("Application", "startup"),
    "quart.app": ("Quart", "startup"),
    "sanic.app": ("Sanic", "_server_event"),
}
"""What runs an app's hooks for its start, beside an ASGI lifespan."""
ASGI_TRANSPORTS = {
    "httpx._transports.asgi": "ASGITransport",
    "starlette.testclient": "_TestClientTransport",
}


def watchers(requests: Requests) -> dict[str, Callable[[Any, Hooks], None]]:
    """Module name -> what to wrap once it has been imported."""
    found: dict[str, Callable[[Any, Hooks], None]] = {}

    for module, (name, method) in WSGI_APPLICATIONS.items():
        found[module] = partial(_watch_method, name, method, requests.wrap_wsgi_method)
    for module, (name, method) in WSGI_METHOD_RUNNERS.items():
        found[module] = partial(_watch_method, name, method, requests.wrap_wsgi_method_runner)
    for module, (name, attribute) in WSGI_HOLDERS.items():
        found[module] = partial(
            _watch_method, name, "__init__", requests.wrap_wsgi_holder(attribute)
        )
    for module, (name, method) in ASGI_APPLICATIONS.items():
        found[module] = partial(_watch_method, name, method, requests.wrap_asgi_method)
    for module, handlers in HANDLERS.items():
        found[module] = partial(_watch_handlers, handlers, requests)
    for module, name in ASGI_TRANSPORTS.items():
        found[module] = partial(_watch_method, name, "__init__", requests.wrap_asgi_transport)
    for module, function in WSGI_RUNNERS.items():
        found[module] = partial(_watch_function, function, requests.wrap_wsgi_runner)
    for module, (name, method) in STARTUPS.items():
        starts = partial(_watch_method, name, method, requests.wrap_startup)
        found[module] = partial(_both, found[module], starts)
    found["flask.ctx"] = Contexts(requests.recorder, requests).watch
    return found


def _both(one: Any, other: Any, module: Any, hooks: Hooks) -> None:
    one(module, hooks)
    other(module, hooks)


def _watch_method(name: str, method: str, make: Any, module: Any, hooks: Hooks) -> None:
    hooks.wrap(getattr(module, name), method, make)


def _watch_handlers(handlers: Any, requests: Requests, module: Any, hooks: Hooks) -> None:
    for name, method, arrived in handlers:
        hooks.wrap(getattr(module, name), method, requests.wrap_handler(arrived))


def _watch_function(name: str, make: Any, module: Any, hooks: Hooks) -> None:
    hooks.wrap(module, name, make)

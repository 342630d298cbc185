"""A client of its own for each worker: the same app, cookies and headers copied.

Two browsers have two cookie jars. A client is recognised by the module of its class, so that no
framework is imported here. One of Starlette's is given its own portal, and so its own event loop,
as each process of a server has: on a shared one, a parked endpoint would hold up all workers.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any


def own(value: Any) -> Any:
    """``value``, or a copy if it is a test client."""
    for name, make in _MAKERS.items():
        if any(f"{kind.__module__}.{kind.__name__}" == name for kind in type(value).__mro__):
            return make(value)
    return value


def own_attributes(instance: Any) -> Any:
    """An object with clients of its own: the test case itself, or a shallow copy of it."""
    found = {name: own(value) for name, value in getattr(instance, "__dict__", {}).items()}
    if all(found[name] is value for name, value in vars(instance).items()):
        return instance
    twin = copy.copy(instance)
    twin.__dict__.update(found)
    return twin


def _of_werkzeug(client: Any) -> Any:
    twin = copy.copy(client)
    for name in ("_cookies", "environ_base"):
        if getattr(client, name, None) is not None:
            setattr(twin, name, dict(getattr(client, name)))
    if hasattr(client, "_context_stack"):
        twin._context_stack = ExitStack()
        twin._new_contexts = []
        twin.preserve_context = False
    return twin


def _of_httpx(client: Any) -> Any:
    twin = copy.copy(client)
    twin._headers = type(client.headers)(client.headers)
    twin._cookies = type(client.cookies)(client.cookies)
    return twin


def _of_starlette(client: Any) -> Any:
    twin = _of_httpx(client)
    twin.portal = None
    twin._transport = copy.copy(client._transport)
    twin._transport.portal_factory = twin._portal_factory
    return twin


_MAKERS: dict[str, Callable[[Any], Any]] = {
    "starlette.testclient.TestClient": _of_starlette,
    "werkzeug.test.Client": _of_werkzeug,
    "httpx.Client": _of_httpx,
    "httpx.AsyncClient": _of_httpx,
    "httpx2.Client": _of_httpx,
    "httpx2.AsyncClient": _of_httpx,
}


def has_context() -> bool:
    """Whether the test has pushed an application context of Flask's."""
    flask = sys.modules.get("flask")
    return flask is not None and bool(flask.has_app_context())


@contextmanager
def own_context() -> Iterator[None]:
    """An application context of the worker's own, where the test has pushed one.

    Shared, it would be one scope for all workers; without one, the body could not use the app.
    """
    if not has_context():
        yield
        return
    with sys.modules["flask"].current_app._get_current_object().app_context():
        yield

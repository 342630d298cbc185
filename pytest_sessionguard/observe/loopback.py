"""Observes HTTP over loopback: a test that talks to a server in a thread of its own process.

The sender's port is the server's REMOTE_PORT. What the client did until it sent is ordered before
the request; what the request did until a part of the response is ordered before whoever reads it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytest_sessionguard.clocks import Snapshot, merged
from pytest_sessionguard.observe.hooks import Hooks
from pytest_sessionguard.observe.recorder import Recorder

_PORT = "_sessionguard_port"


class Loopback:
    """What was passed on through each connection, by the client's port."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self._sent: dict[int, Snapshot] = {}
        self._answered: dict[int, Snapshot] = {}

    def watchers(self) -> dict[str, Callable[[Any, Hooks], None]]:
        """Module name -> what to wrap once it has been imported."""
        return {"http.client": self._watch_http, "httpcore._backends.sync": self._watch_httpcore}

    # -- the server's side -----------------------------------------------------------------

    def arrived(self, port: Any) -> None:
        """A request came from this port."""
        self.recorder.strands.current().clock.join(self._sent.get(_number(port)))

    def answering(self, port: Any) -> None:
        """A part of the response goes back to this port."""
        self._pass_on(self._answered, _number(port))

    def _pass_on(self, where: dict[int, Snapshot], port: int) -> None:
        snapshot = self.recorder.strands.current().clock.export()
        if port and snapshot is not None:
            earlier = where.get(port)
            where[port] = snapshot if earlier is None else merged(earlier, snapshot)

    # -- the client's side -----------------------------------------------------------------

    def _watch_http(self, module: Any, hooks: Hooks) -> None:
        hooks.wrap(module.HTTPConnection, "send", self._wrap_send)
        hooks.wrap(module.HTTPConnection, "getresponse", self._wrap_getresponse)
        for name in ("read", "read1", "readinto", "readline"):
            hooks.wrap(module.HTTPResponse, name, self._wrap_read)

    def _watch_httpcore(self, module: Any, hooks: Hooks) -> None:
        hooks.wrap(module.SyncStream, "write", self._wrap_write)
        hooks.wrap(module.SyncStream, "read", self._wrap_read)

    def _wrap_send(self, original: Any) -> Any:
        def send(connection: Any, data: Any) -> Any:
            if connection.sock is None and connection.auto_open:
                connection.connect()  # as the original would, but the port is needed before
            self.recorder.shielded(self._sending, connection.sock)
            return original(connection, data)

        return send

    def _wrap_write(self, original: Any) -> Any:
        def write(stream: Any, *args: Any, **kwargs: Any) -> Any:
            self.recorder.shielded(self._sending, stream._sock)
            stream.__dict__[_PORT] = self.recorder.shielded(_port_of, stream._sock)
            return original(stream, *args, **kwargs)

        return write

    def _sending(self, sock: Any) -> None:
        self._pass_on(self._sent, _port_of(sock))

    def _wrap_getresponse(self, original: Any) -> Any:
        def getresponse(connection: Any, *args: Any, **kwargs: Any) -> Any:
            port = self.recorder.shielded(_port_of, connection.sock) or 0
            response = original(connection, *args, **kwargs)
            self.recorder.shielded(self._read, port)
            if hasattr(response, "__dict__"):
                response.__dict__[_PORT] = port
            return response

        return getresponse

    def _wrap_read(self, original: Any) -> Any:
        def read(response: Any, *args: Any, **kwargs: Any) -> Any:
            data = original(response, *args, **kwargs)
            self.recorder.shielded(self._read, response.__dict__.get(_PORT))
            return data

        return read

    def _read(self, port: Any) -> None:
        self.recorder.strands.current().clock.join(self._answered.get(_number(port)))


def _number(port: Any) -> int:
    return int(port) if port else 0


def _port_of(sock: Any) -> int:
    """The local port of a socket; 0 for anything but an IP socket."""
    name = sock.getsockname() if sock is not None else None
    return int(name[1]) if isinstance(name, tuple) and len(name) > 1 else 0

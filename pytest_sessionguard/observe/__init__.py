"""What happened: the only room that touches SQLAlchemy, gevent, asyncio and web frameworks.

``Observers`` places every hook and takes every hook away. The hooks note events through one
``Recorder``; they never judge.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from pytest_sessionguard.observe.channels import Channels
from pytest_sessionguard.observe.connections import Connections
from pytest_sessionguard.observe.deferred import Deferred
from pytest_sessionguard.observe.dropping import Dropping
from pytest_sessionguard.observe.forks import Forks
from pytest_sessionguard.observe.frames import Frames
from pytest_sessionguard.observe.frameworks import watchers
from pytest_sessionguard.observe.greened import Greened
from pytest_sessionguard.observe.holders import Holders
from pytest_sessionguard.observe.hooks import Hooks
from pytest_sessionguard.observe.imports import ImportWatch
from pytest_sessionguard.observe.instances import Instances
from pytest_sessionguard.observe.keepers import Keepers
from pytest_sessionguard.observe.lasting import Lasting
from pytest_sessionguard.observe.locks import Locks
from pytest_sessionguard.observe.loopback import Loopback
from pytest_sessionguard.observe.patching import Greenlets, Patching
from pytest_sessionguard.observe.pools import Pools
from pytest_sessionguard.observe.process_locks import ProcessLocks
from pytest_sessionguard.observe.recorder import Recorder
from pytest_sessionguard.observe.replacing import Replacing
from pytest_sessionguard.observe.requests import Requests
from pytest_sessionguard.observe.scheduled import Scheduled
from pytest_sessionguard.observe.scopes import Scopes
from pytest_sessionguard.observe.sessions import Sessions
from pytest_sessionguard.observe.signals import Signals
from pytest_sessionguard.observe.threads import Threads

__all__ = ["Frames", "Observers", "Recorder"]


class Observers:
    """All hooks, installed and removed as a pair.

    ``unseen`` says what was imported before the hooks were in place, for the header.
    """

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.hooks = Hooks()
        self.imports = ImportWatch(recorder.fault)
        self.unseen: list[str] = []
        self.sessions = Sessions(recorder)
        self.keepers = Keepers(recorder)
        self.instances = Instances(recorder, self.sessions, self.keepers)
        self.connections = Connections(recorder)
        self.scopes = Scopes(recorder, self.sessions)
        self.dropping = Dropping(recorder, self.sessions)
        self.signals = Signals(recorder)
        self.threads = Threads(recorder, self.signals)
        self.locks = Locks(recorder)
        self.pools = Pools(recorder, self.threads)
        self.channels = Channels(recorder, self.signals, self.locks)
        self.process_locks = ProcessLocks(recorder, self.locks)
        self.deferred = Deferred(recorder)
        self.scheduled = Scheduled(recorder)
        self.loopback = Loopback(recorder)
        self.requests = Requests(recorder, self.loopback)
        self.forks = Forks(recorder, self.sessions, self.connections)
        self.holders = Holders(recorder, self.sessions, self.scopes, self.signals)
        self.lasting = Lasting(recorder, self.sessions, self.keepers)
        self.sessions.served = self.lasting.publish
        self.replacing = Replacing(recorder, self.sessions, self.lasting, self.keepers)
        self.patching = Patching(recorder, self.locks, self.scopes, self.connections)
        self.greenlets = Greenlets(recorder)
        self.greened = Greened(self.signals)

    def install(self) -> None:
        """Place the hooks on what is imported, and watch the imports of the rest."""
        self.imports.install()
        self.threads.install(self.hooks)
        self.locks.install(self.hooks)
        self.forks.install(self.hooks)
        self._when("asyncio", self._on_asyncio)
        self._when("sqlalchemy.orm", self._on_sqlalchemy, "Sessions, scoped_sessions and pools")
        self._when("sqlalchemy.ext.asyncio", self.scopes.install_async)
        self._when("gevent", self.greenlets.install, "greenlets' order")
        self._when("gevent.monkey", self.patching.install, "the place of monkey.patch_all()")
        self._when("gevent.event", self.greened.install_events)
        self._when("gevent.queue", self.greened.install_queues)
        self._when(
            "gevent.lock",
            lambda hooks: self.locks.install_gevent(sys.modules["gevent.lock"], hooks),
        )
        watched = watchers(self.requests)
        for room in (
            self.pools, self.channels, self.process_locks, self.deferred, self.scheduled,
            self.loopback,
        ):  # fmt: skip
            for module, watcher in room.watchers().items():
                self.imports.when_imported(module, partial(self._watch, watcher))
        for module, watcher in watched.items():
            self.imports.when_imported(module, partial(self._watch, watcher))

    def remove(self) -> None:
        """Take all hooks away."""
        self.recorder.active = False
        self.imports.remove()
        self.hooks.remove()

    def body_ended(self) -> None:
        """The body of the test has ended, and with it the responses it did not close."""
        self.requests.end_all_unclosed()

    def look_up(self) -> None:
        """Ask who holds what: slow, and so only where it matters."""
        self.holders.publish()
        self.keepers.publish()
        self.lasting.publish()

    def _watch(self, watcher: Callable[[Any, Hooks], None], module: Any) -> None:
        watcher(module, self.hooks)

    def _when(self, module: str, install: Callable[[Hooks], None], what: str = "") -> None:
        if self.imports.when_imported(module, lambda _: install(self.hooks)) and what:
            self.unseen.append(f"{module} was imported before the guard: {what} made earlier")

    def _on_asyncio(self, hooks: Hooks) -> None:
        from pytest_sessionguard.observe.tasks import Tasks

        Tasks(self.recorder, self.signals).install(hooks)
        self.dropping.install(hooks)
        self.locks.install_asyncio(sys.modules["asyncio"].Lock, hooks)

    def _on_sqlalchemy(self, hooks: Hooks) -> None:
        self.recorder.frames.roles.add_library(_folder("sqlalchemy"))
        self.sessions.install(hooks)
        self.instances.install(hooks)
        self.signals.given = self.keepers.given
        self.connections.install(hooks)
        self.scopes.install(hooks)


def _folder(package: str) -> str:
    module = sys.modules[package]
    return str(module.__path__[0])

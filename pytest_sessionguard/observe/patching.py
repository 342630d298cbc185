"""Observes gevent: when it patches threads, its greenlets, and what orders them.

gevent's greenlets, events and semaphores are C types that cannot be wrapped. The loop can be
subclassed: what a callback was made by orders what it switches to, and ``greenlet.settrace``
tells to which greenlet it switched. Where nothing switches (joining a greenlet that has ended),
the end of a greenlet is ordered before whatever its parent does next.
"""

from __future__ import annotations

import sys
import threading
import weakref
from typing import Any

from pytest_sessionguard.clocks import Snapshot
from pytest_sessionguard.observe.connections import Connections
from pytest_sessionguard.observe.hooks import Hooks
from pytest_sessionguard.observe.locks import Locks
from pytest_sessionguard.observe.recorder import Recorder
from pytest_sessionguard.observe.scopes import Scopes
from pytest_sessionguard.observe.strand import Strand


class Patching:
    """The hooks on ``gevent.monkey``: where threads were patched."""

    def __init__(
        self, recorder: Recorder, locks: Locks, scopes: Scopes, connections: Connections
    ) -> None:
        self.recorder = recorder
        self.locks = locks
        self.scopes = scopes
        self.connections = connections

    def install(self, hooks: Hooks) -> None:
        """Wrap what patches threads; ``patch_all`` calls it, and keeps its warnings' place."""
        from gevent import monkey

        hooks.wrap(monkey, "patch_thread", lambda original: self._wrap(original, hooks))

    def _wrap(self, original: Any, hooks: Hooks) -> Any:
        recorder, patched = self.recorder, self._patched

        def patch(*args: Any, **kwargs: Any) -> Any:
            lock_before = threading.Lock
            result = original(*args, **kwargs)
            if threading.Lock is not lock_before:
                recorder.shielded(patched, hooks)
            return result

        return patch

    def _patched(self, hooks: Hooks) -> None:
        stack = self.recorder.stack()
        patched = stack[0] if stack else None
        self.scopes.patched = self.connections.patched = self.locks.late.patched = patched
        self.locks.install_threading(hooks)


class Greenlets:
    """The loop and the switches."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.strands = recorder.strands
        self._passing: Snapshot | None = None
        self._previous: Any = None

    def install(self, hooks: Hooks) -> None:
        """Have hubs that are made from now on use a loop that remembers; follow the switches."""
        import gevent
        import greenlet
        from gevent import config

        gevent.Greenlet.add_spawn_callback(self.spawned)
        hooks.on_remove(lambda: gevent.Greenlet.remove_spawn_callback(self.spawned))
        plain = config.loop
        config.set("loop", loop_class(plain, self))
        hooks.on_remove(lambda: config.set("loop", plain))
        self._previous = greenlet.settrace(self._switched)
        hooks.on_remove(lambda: greenlet.settrace(self._previous))
        self.strands.greenlet_adopted = self._adopted
        self.strands.greenlets = True

    def made(self, function: Any) -> Snapshot | None:
        """A callback is made: a greenlet starts, or somebody who waits will be woken."""
        owner = getattr(function, "__self__", None)
        strand = self.strands.current()
        if strand.internal or strand.operations or _is_lock(owner):
            return None
        return strand.clock.export()

    def spawned(self, greenlet: Any) -> None:
        """gevent tells of every greenlet that is started, at once or later."""
        if self.recorder.active and self.strands.of_greenlet(greenlet) is None:
            self.recorder.shielded(self.begin, greenlet)

    def begin(self, greenlet: Any) -> None:
        """A strand for a greenlet that the current strand spawns."""
        frame = sys._getframe(1)
        frames = self.recorder.frames
        run = getattr(greenlet, "_run", None)
        label = f"greenlet {getattr(run, '__qualname__', type(greenlet).__name__)}"
        strand = self.strands.spawn(
            "greenlet", label, frames.stack(frame), frames.spawned_by_user(frame)
        )
        weak = weakref.ref(greenlet)
        strand.reach = lambda: _greenlet_things(weak())
        self.strands.begin_greenlet(greenlet, strand)

    def _ended(self, greenlet: Any) -> None:
        """A greenlet has ended: what its spawner does next is after it, whether it joins or not."""
        strand = self.strands.of_greenlet(greenlet)
        if strand is None or strand.ended:
            return
        self.recorder.end_strand(strand)
        if strand.parent is not None and not strand.internal:
            strand.parent.clock.join(strand.clock.export())

    def _adopted(self, greenlet: Any, strand: Strand) -> None:
        """A greenlet whose start was not seen; the hub itself is one."""
        spawner = getattr(greenlet, "spawning_greenlet", lambda: None)()
        parent = self.strands.of_greenlet(spawner) if spawner is not None else None
        strand.parent = parent

    def run(self, snapshot: Snapshot | None, function: Any, args: Any) -> Any:
        """Run a callback of the loop; whatever it switches to is ordered after ``snapshot``."""
        before, self._passing = self._passing, snapshot
        try:
            return function(*args)
        finally:
            self._passing = before

    def _switched(self, event: str, switch: Any) -> None:
        if event in ("switch", "throw"):
            if self._passing is not None:
                self.recorder.shielded(self._pass_on, switch[1])
            if switch[0].dead:
                self.recorder.shielded(self._ended, switch[0])
        if self._previous is not None:
            self._previous(event, switch)

    def _pass_on(self, target: Any) -> None:
        strand = self.strands.of_greenlet(target)
        if strand is None and target.parent is None:
            strand = self.strands.main()
        if strand is not None:
            strand.clock.join(self._passing)


def loop_class(plain: Any, greenlets: Greenlets) -> Any:
    """A gevent loop whose callbacks remember what their making is ordered after."""
    recorder = greenlets.recorder

    class Loop(plain):  # type: ignore[misc]
        _sessionguard_plain = plain

        def run_callback(self, func: Any, *args: Any) -> Any:
            if not recorder.active:
                return super().run_callback(func, *args)
            snapshot = recorder.shielded(greenlets.made, func)
            if snapshot is None:
                return super().run_callback(func, *args)
            return super().run_callback(Callback(greenlets, snapshot, func), *args)

    Loop.__name__ = plain.__name__
    return Loop


class Callback:
    """A callback of the loop, and what it is ordered after."""

    __slots__ = ("_function", "_greenlets", "_snapshot")

    def __init__(self, greenlets: Greenlets, snapshot: Snapshot, function: Any) -> None:
        self._greenlets = greenlets
        self._snapshot = snapshot
        self._function = function

    def __call__(self, *args: Any) -> Any:
        return self._greenlets.run(self._snapshot, self._function, args)


def _is_lock(owner: Any) -> bool:
    return type(owner).__name__ in ("LockType", "RLock") and type(owner).__module__.startswith(
        "gevent"
    )


def _greenlet_things(greenlet: Any) -> list[Any]:
    """What a greenlet was started with; a subclass keeps its own things in attributes."""
    if greenlet is None:
        return []
    given = [getattr(greenlet, name, None) for name in ("_run", "args", "kwargs", "func")]
    return given + list(getattr(greenlet, "__dict__", {}).values())

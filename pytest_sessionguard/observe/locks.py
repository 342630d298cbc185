"""Observes the user's own locks: a lock held at every use makes sharing a session legal.

Locks that the code under test makes are known, and those of installed packages when it takes them;
those of the standard library protect their own affairs. Where ``threading.Lock`` stands, a callable object
stands instead: a function would turn into a method where a class keeps it.
"""

from __future__ import annotations

import _thread
import sys
import threading
import weakref
from functools import partial
from types import FrameType
from typing import Any

from pytest_sessionguard.events import LatePatch, Site, Stack
from pytest_sessionguard.observe import waits
from pytest_sessionguard.observe.holding import Holding
from pytest_sessionguard.observe.hooks import Hooks
from pytest_sessionguard.observe.recorder import Recorder
from pytest_sessionguard.observe.standins import named_like, standing_for
from pytest_sessionguard.observe.strands import NATIVE_LOCAL


class Late:
    """Locks that were made before gevent patched threads, and that a greenlet takes.

    Such a lock is the native one for ever: a greenlet that waits for it stops the whole thread, and
    an RLock lets every greenlet of the thread in. ``patched`` is where gevent patched.
    """

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.patched: Site | None = None
        self._told: dict[int, int] = {}

    def made(self) -> Stack:
        """The lines that make a lock now; none once gevent has patched: it is native on purpose."""
        return self.recorder.stack() if threading.local is NATIVE_LOCAL else ()

    def taken(self, token: int, lock: KnownLock) -> None:
        """Note it once in a test; whether a session is used under it, the trace says."""
        recorder = self.recorder
        epoch, (strand, worker) = recorder.epoch.number, recorder.who()
        if threading.local is NATIVE_LOCAL or strand.kind != "greenlet":
            return
        if type(lock.plain).__module__ == "_thread" and self._told.get(token) != epoch:
            self._told[token] = epoch
            recorder.trace.note(
                LatePatch("lock", token, lock.made, self.patched, recorder.stack(), worker.token)
            )


# Their locks protect their own affairs, and are taken all the time.
_FOR_THEMSELVES = {"sqlalchemy", "gevent", "greenlet"}


class Locks:
    """The hooks on lock factories and on asyncio's Lock."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.late = Late(recorder)
        self._holdings: weakref.WeakKeyDictionary[Any, Holding] = weakref.WeakKeyDictionary()

    def install(self, hooks: Hooks) -> None:
        """Stand in for Lock and RLock."""
        self.install_threading(hooks)

    def install_asyncio(self, lock: Any, hooks: Hooks) -> None:
        """Wrap asyncio's Lock, or one that is like it."""
        hooks.wrap(lock, "acquire", self._wrap_async_acquire)
        hooks.wrap(lock, "release", self._wrap_async_release)

    def install_threading(self, hooks: Hooks) -> None:
        """Stand in for the lock factories of ``threading``; again after gevent replaced them."""
        for module, names in ((threading, ("Lock", "RLock")), (_thread, ("allocate_lock",))):
            for name in names:
                plain = getattr(module, name)
                hooks.replace(module, name, Factory(plain, self.recorder, self.late))

    def install_gevent(self, module: Any, hooks: Hooks) -> None:
        """Stand in for the locks of ``gevent.lock``; its semaphores are C types."""
        for name in ("Semaphore", "BoundedSemaphore", "RLock"):
            plain = getattr(module, name)
            hooks.replace(module, name, lock_class(plain, self))

    def hold(self, lock: Any, alone: bool = True, hands_over: bool = True) -> None:
        """The current strand has taken ``lock``."""
        self.holding(lock).hold(alone, hands_over)

    def hold_once(self, lock: Any) -> None:
        """The same for a lock that nobody can take twice; one way to take it may use another."""
        holding = self.holding(lock)
        if holding.token not in self.recorder.strands.current().locks:
            holding.hold()

    def drop(self, lock: Any, hands_on: bool = True) -> None:
        """The current strand lets go of ``lock``."""
        self.holding(lock).drop(hands_on)

    def holding(self, lock: Any) -> Holding:
        """What is known of a lock that is no ``KnownLock``."""
        known = self._holdings.get(lock)
        if known is None:
            known = self._holdings[lock] = Holding(self.recorder)
        return known

    # -- asyncio ---------------------------------------------------------------------------

    def _wrap_async_acquire(self, original: Any) -> Any:
        hold, recorder = self.hold_once, self.recorder

        async def acquire(self: Any) -> Any:
            got = await original(self)
            recorder.shielded(hold, self)
            return got

        return acquire

    def wrap_acquire_nowait(self, original: Any) -> Any:
        """The same for a lock that is there at once, or refuses."""
        hold, recorder = self.hold_once, self.recorder

        def acquire_nowait(self: Any) -> Any:
            got = original(self)
            recorder.shielded(hold, self)
            return got

        return acquire_nowait

    def _wrap_async_release(self, original: Any) -> Any:
        drop, recorder = self.drop, self.recorder

        def release(self: Any) -> Any:
            recorder.shielded(drop, self)
            return original(self)

        return release


def lock_class(plain: Any, locks: Locks) -> Any:
    """A subclass of one of gevent's locks that is known while it is held."""
    recorder, by_user = locks.recorder, locks.recorder.frames.made_by_user

    class Lock(plain, metaclass=standing_for(plain)):  # type: ignore
        def acquire(self, *args: Any, **kwargs: Any) -> Any:
            got, scheduler = None, recorder.scheduler
            if scheduler is not None and recorder.shielded(by_user, sys._getframe()):
                attempt, holding = partial(plain.acquire, self, False), locks.holding(self)
                recorder.shielded(holding.ask)
                block: Any = getattr(self, "_block", self)  # an RLock's own semaphore
                got = waits.take(
                    scheduler, attempt, lambda: not block.locked(), holding.held, *args, **kwargs,
                )  # fmt: skip
            if got is None:
                got = super().acquire(*args, **kwargs)
            alone = not getattr(self, "counter", 0)  # a semaphore that lets others in is no lock
            if got and recorder.shielded(by_user, sys._getframe()):
                recorder.shielded(locks.hold, self, alone)
            return got

        def release(self, *args: Any, **kwargs: Any) -> Any:
            hands_on = recorder.shielded(by_user, sys._getframe())
            recorder.shielded(locks.drop, self, hands_on)
            return super().release(*args, **kwargs)

        def __enter__(self) -> Any:
            return self.acquire()

        def __exit__(self, *exception: Any) -> None:
            self.release()

    return named_like(Lock, plain)


class Factory:
    """Makes the user a lock that is known, and everybody else the plain one.

    It stands for a class or a function (that depends on the version), so it answers
    ``isinstance`` and ``Lock | None`` for it too.
    """

    def __init__(self, plain: Any, recorder: Recorder, late: Late | None = None) -> None:
        self.plain = plain
        self._recorder = recorder
        self._late = late
        self.__name__ = getattr(plain, "__name__", "lock")
        self.__doc__ = plain.__doc__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        lock = self.plain(*args, **kwargs)
        recorder = self._recorder
        maker = recorder.shielded(self._maker, sys._getframe())
        if maker is None:
            return lock
        return KnownLock(lock, recorder, maker, self._late if not maker else None)

    def _maker(self, frame: FrameType) -> str | None:
        """``""`` for the user, else the package that makes it; None where nobody needs to know."""
        if _is_of_a_thread(frame.f_back):
            return None
        package = self._recorder.frames.maker(frame)
        return package if package not in _FOR_THEMSELVES else None

    def __instancecheck__(self, thing: Any) -> bool:
        if isinstance(thing, KnownLock):
            thing = thing.plain
        kind = self.plain if isinstance(self.plain, type) else type(self.plain())
        return isinstance(thing, kind)

    def __or__(self, other: Any) -> Any:
        return Either(self.plain | other, self, other)

    def __ror__(self, other: Any) -> Any:
        return Either(other | self.plain, self, other)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.plain, name)


def _is_of_a_thread(frame: FrameType | None) -> bool:
    """Whether a thread makes a lock of its own: for the event that tells whoever starts it.

    That one waits in earnest until the thread has begun, and the thread has no turn yet to wait for.
    """
    while frame is not None and frame.f_globals.get("__name__") == "threading":
        if frame.f_code.co_qualname == "Thread.__init__":
            return True
        frame = frame.f_back
    return False


class Either:
    """``Lock | None``: the plain union, which answers for known locks too."""

    def __init__(self, plain: Any, factory: Factory, other: Any) -> None:
        self._plain = plain
        self._factory = factory
        self._other = type(None) if other is None else other

    def __instancecheck__(self, thing: Any) -> bool:
        return self._factory.__instancecheck__(thing) or isinstance(thing, self._other)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plain, name)

    def __repr__(self) -> str:
        return repr(self._plain)


class KnownLock:
    """A lock that the user takes; the strand that holds it has it on its list.

    One that a ``package`` made counts when the user takes it, himself or through that package.
    """

    __slots__ = ("__weakref__", "_holding", "_late", "_package", "_recorder", "made", "plain")

    def __init__(
        self, plain: Any, recorder: Recorder, package: str = "", late: Late | None = None
    ) -> None:
        self.plain = plain
        self._late = late
        self.made: Stack = recorder.shielded(late.made) or () if late is not None else ()
        self._recorder = recorder
        self._holding = Holding(recorder)
        self._package = package

    def acquire(self, *args: Any, **kwargs: Any) -> Any:
        """As the plain lock's."""
        scheduler, got = self._recorder.scheduler, None
        if scheduler is not None:
            self._recorder.shielded(self._holding.ask)
            got = waits.lock(self.plain, scheduler, self._holding.held, *args, **kwargs)
        if got is None:
            got = self.plain.acquire(*args, **kwargs)
        if got:
            self._recorder.shielded(self._hold, sys._getframe())
        return got

    def _hold(self, frame: FrameType) -> None:
        package = self._package
        if not package or self._recorder.frames.taken_by_user(frame, package):
            self._holding.hold(hands_over=not package)
            if self.made and self._late is not None and self._recorder.strands.greenlets:
                self._late.taken(self._holding.token, self)

    def release(self) -> None:
        """As the plain lock's."""
        self._recorder.shielded(self._holding.drop, not self._package)
        self.plain.release()
        if self._recorder.scheduler is not None:
            self._recorder.scheduler.released()

    def __enter__(self) -> Any:
        return self.acquire()

    def __exit__(self, *exception: Any) -> None:
        self.release()

    @property  # type: ignore[misc]
    def __class__(self) -> Any:  # what isinstance asks for when the type says no
        return type(self.plain)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.plain.__reduce_ex__(protocol)  # refuses, as a lock does

    # A Condition takes its lock's own way of waiting, where the lock has one.
    def __getattr__(self, name: str) -> Any:
        return getattr(self.plain, name)

    def __repr__(self) -> str:
        return repr(self.plain)

"""Observes locks between processes, where threads of one share something under them."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytest_sessionguard.observe.holding import Holding
from pytest_sessionguard.observe.hooks import Hooks
from pytest_sessionguard.observe.locks import Locks
from pytest_sessionguard.observe.recorder import Recorder


class ProcessLocks:
    """The hooks on multiprocessing's locks and on filelock's."""

    def __init__(self, recorder: Recorder, locks: Locks) -> None:
        self.recorder = recorder
        self.locks = locks
        self._files: dict[str, Holding] = {}

    def watchers(self) -> dict[str, Callable[[Any, Hooks], None]]:
        """Module name -> what to wrap once it has been imported."""
        return {"multiprocessing.synchronize": self._watch_mp, "filelock._api": self._watch_files}

    # -- multiprocessing ---------------------------------------------------------------------

    def _watch_mp(self, module: Any, hooks: Hooks) -> None:
        hooks.wrap(module.SemLock, "_make_methods", self._wrap_make_methods)
        hooks.wrap(module.SemLock, "__enter__", self._wrap_enter)
        hooks.wrap(module.SemLock, "__exit__", self._wrap_exit)

    def _taken(self, lock: Any) -> None:
        if lock._semlock.maxvalue == 1 or lock._semlock.kind == _RECURSIVE:
            by_user = self.recorder.frames.taken_by_user(sys._getframe(1), "multiprocessing")
            self.locks.hold(lock, True, by_user)

    def _wrap_make_methods(self, original: Any) -> Any:
        """A lock keeps the C lock's methods as its own attributes."""
        recorder, taken, drop = self.recorder, self._taken, self.locks.drop

        def _make_methods(self_: Any) -> None:
            original(self_)
            plain_acquire, plain_release = self_.acquire, self_.release
            weak = weakref.ref(self_)

            def acquire(*args: Any, **kwargs: Any) -> Any:
                got = plain_acquire(*args, **kwargs)
                if got:
                    recorder.shielded(taken, weak())
                return got

            def release() -> Any:
                recorder.shielded(drop, weak(), False)
                return plain_release()

            self_.acquire, self_.release = acquire, release

        return _make_methods

    def _wrap_enter(self, original: Any) -> Any:
        recorder, taken = self.recorder, self._taken

        def __enter__(self_: Any) -> Any:
            got = original(self_)
            recorder.shielded(taken, self_)
            return got

        return __enter__

    def _wrap_exit(self, original: Any) -> Any:
        recorder, drop = self.recorder, self.locks.drop

        def __exit__(self_: Any, *args: Any) -> Any:
            recorder.shielded(drop, self_, False)
            return original(self_, *args)

        return __exit__

    # -- filelock ----------------------------------------------------------------------------

    def _watch_files(self, module: Any, hooks: Hooks) -> None:
        hooks.wrap(module.BaseFileLock, "acquire", self._wrap_acquire)
        hooks.wrap(module.BaseFileLock, "release", self._wrap_release)

    def _holding(self, lock: Any) -> Holding:
        """Two objects for one file are one lock."""
        path = str(Path(lock.lock_file).absolute())
        if path not in self._files:
            self._files[path] = Holding(self.recorder)
        return self._files[path]

    def _locked(self, lock: Any) -> None:
        by_user = self.recorder.frames.taken_by_user(sys._getframe(1), "filelock")
        self._holding(lock).hold(True, by_user)

    def _unlocking(self, lock: Any, force: bool) -> None:
        if lock.is_locked and (force or lock.lock_counter == 1):
            self._holding(lock).drop(False)

    def _wrap_acquire(self, original: Any) -> Any:
        recorder, locked = self.recorder, self._locked

        def acquire(self_: Any, *args: Any, **kwargs: Any) -> Any:
            held = self_.is_locked  # taken once more, perhaps by another strand: nothing is new
            result = original(self_, *args, **kwargs)
            if not held:
                recorder.shielded(locked, self_)
            return result

        return acquire

    def _wrap_release(self, original: Any) -> Any:
        recorder, unlocking = self.recorder, self._unlocking

        def release(self_: Any, force: bool = False) -> Any:
            recorder.shielded(unlocking, self_, force)
            return original(self_, force)

        return release


_RECURSIVE = 0

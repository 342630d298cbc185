"""Acting when a module is first imported, by whoever imports it."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Sequence
from types import FunctionType, ModuleType
from typing import Any

Action = Callable[[ModuleType], None]


class ImportWatch(importlib.abc.MetaPathFinder):
    """Calls an action right after a module's own code has run; at once for one already imported.

    It stands first on ``sys.meta_path``, lets the other finders find, and wraps the loader's
    ``exec_module``; it finds nothing itself.
    """

    def __init__(self, on_fault: Callable[[BaseException], None]) -> None:
        self._actions: dict[str, list[Action]] = {}
        self._finding: set[str] = set()
        self._on_fault = on_fault

    def install(self) -> None:
        """Begin to watch."""
        sys.meta_path.insert(0, self)

    def remove(self) -> None:
        """Watch no more."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        self._actions.clear()

    def when_imported(self, name: str, action: Action) -> bool:
        """Call ``action(module)`` after the import of ``name``; True if it had been imported."""
        module = sys.modules.get(name)
        if module is not None and not _is_initializing(module):
            self._act(action, module)
            return True
        self._actions.setdefault(name, []).append(action)
        return False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Find ``fullname`` by the other finders and watch its execution."""
        if fullname not in self._actions or fullname in self._finding:
            return None
        self._finding.add(fullname)
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._finding.discard(fullname)
        if spec is None or spec.loader is None or not hasattr(spec.loader, "exec_module"):
            return None
        self._watch(spec.loader, fullname)
        return spec

    def _watch(self, loader: Any, name: str) -> None:
        """Act when ``loader`` has executed the module ``name``.

        It may load others meanwhile: pytest's loader, which rewrites assertions, loads all of them.
        """
        original, before = loader.exec_module, loader.__dict__.get("exec_module")

        def exec_module(module: ModuleType) -> None:
            loaded = module.__name__  # some take another name when they are run: gevent.event
            original(module)
            if loaded == name:
                if loader.__dict__.get("exec_module") is watching:
                    _put_back(loader, before)
                for action in self._actions.pop(name, ()):
                    self._act(action, module)

        watching = _unseen_by_warnings(exec_module)
        loader.exec_module = watching

    def _act(self, action: Action, module: ModuleType) -> None:
        try:
            action(module)
        except Exception as error:
            self._on_fault(error)


def _put_back(loader: Any, before: Any) -> None:
    if before is None:
        loader.__dict__.pop("exec_module", None)
    else:
        loader.exec_module = before


def _unseen_by_warnings(function: Any) -> FunctionType:
    """``function``, in whose frame no warning about the import is located.

    ``warnings`` passes over the frames of the import system, which it knows by their file names.
    """
    code = function.__code__.replace(co_filename="<frozen importlib._bootstrap sessionguard>")
    return FunctionType(code, function.__globals__, function.__name__, None, function.__closure__)


def _is_initializing(module: ModuleType) -> bool:
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))

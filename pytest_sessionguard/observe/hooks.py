"""Replacing attributes of other people's modules and classes, and putting them back.

Every hook goes through one ``Hooks``, so that installing and removing are a pair. A wrapper never
lets a fault of the guard into the wrapped call: what observes is called through ``shielded``.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
from collections.abc import Callable, Mapping
from functools import partial
from types import FunctionType
from typing import Any

_MISSING = object()


_IMMUTABLE = 1 << 8
"""CPython's Py_TPFLAGS_IMMUTABLETYPE."""


def _is_immutable(owner: Any) -> bool:
    return isinstance(owner, type) and bool(owner.__flags__ & _IMMUTABLE)


class Hooks:
    """The attributes that were replaced, in order."""

    def __init__(self) -> None:
        self._undo: list[tuple[Any, str, Any, Any]] = []
        self._on_remove: list[Callable[[], None]] = []
        self._copied_by: set[str] = set()

    def replace(self, owner: Any, name: str, new: Any) -> None:
        """Set ``owner.name`` to ``new`` and remember what was there."""
        old = vars(owner).get(name, _MISSING)
        setattr(owner, name, new)
        self._undo.append((owner, name, old, new))

    def wrap(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        """Replace the function ``owner.name`` by ``make(function)``; absent ones are passed over.

        Class and static methods stay what they are. The wrapper passes for a function of the
        wrapped one's module, so that warnings with a stack level still point at the caller. A type
        in C is passed over too: gevent's Event, where gevent has patched before the guard came.
        """
        old = vars(owner).get(name, _MISSING)
        if old is _MISSING or _is_immutable(owner):
            return
        if isinstance(old, classmethod | staticmethod):
            kind = type(old)
            self.replace(owner, name, kind(disguise(make(old.__func__), old.__func__)))
        else:
            self.replace(owner, name, disguise(make(old), old))

    def on_remove(self, action: Callable[[], None]) -> None:
        """Call ``action`` when the hooks are taken away."""
        self._on_remove.append(action)

    def listen(self, target: Any, listeners: Mapping[str, Callable[..., Any]]) -> None:
        """Have SQLAlchemy call each listener at the event of ``target`` that it is listed under."""
        from sqlalchemy import event

        for name, listener in listeners.items():
            event.listen(target, name, listener)
            self.on_remove(partial(event.remove, target, name, listener))

    def copied_by(self, package: str) -> None:
        """The modules of ``package`` import what was replaced: put it back there as well."""
        self._copied_by.add(package)

    def _put_back_copies(self) -> None:
        plain = {id(new): old for _, _, old, new in self._undo if old is not _MISSING}
        for module_name, module in list(sys.modules.items()):
            if module_name.partition(".")[0] in self._copied_by:
                for name, value in list(vars(module).items()):
                    if id(value) in plain:
                        setattr(module, name, plain[id(value)])

    def remove(self) -> None:
        """Put everything back, last first; what others have replaced since is left alone."""
        if self._copied_by:
            self._put_back_copies()
        while self._undo:
            owner, name, old, new = self._undo.pop()
            if vars(owner).get(name) is not new:
                continue
            if old is _MISSING:
                delattr(owner, name)
            else:
                setattr(owner, name, old)
        while self._on_remove:
            self._on_remove.pop()()


def disguise(wrapper: Any, original: Any) -> Any:
    """``wrapper`` with the name, the docs and the globals' ``__name__`` of ``original``.

    SQLAlchemy and ``warnings`` find the caller's line by the module name of each frame; a frame
    of the guard in between would move their warnings to the guard.
    """
    if not isinstance(wrapper, FunctionType) or hasattr(wrapper, "__wrapped__"):
        return wrapper  # no function, or one that is disguised already
    code_globals = {**wrapper.__globals__, "__name__": original.__module__}
    copy = FunctionType(
        wrapper.__code__, code_globals, wrapper.__name__, wrapper.__defaults__, wrapper.__closure__
    )
    copy.__kwdefaults__ = wrapper.__kwdefaults__
    functools.update_wrapper(copy, original)
    with contextlib.suppress(TypeError, ValueError):
        # Falcon looks at the argument names of an app's __call__, without following wrappers.
        copy.__signature__ = inspect.signature(original)  # type: ignore[attr-defined]
    return copy

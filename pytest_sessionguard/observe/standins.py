"""Classes of ours that stand where a class of somebody else stood."""

from __future__ import annotations

import abc
import functools
from typing import Any


def named_like(new: Any, original: Any) -> Any:
    """``new`` with the names and the docs of ``original``."""
    new.__name__, new.__qualname__ = original.__name__, original.__qualname__
    new.__module__, new.__doc__ = original.__module__, original.__doc__
    return new


@functools.cache
def standing_for(plain: type) -> type:
    """A metaclass for a subclass that stands for ``plain``: what is one of those is one of it.

    Not so for subclasses that the user derives from the stand-in. An ABCMeta, so that those may have
    abstract bases as well.
    """

    class StandIn(abc.ABCMeta):
        def __instancecheck__(cls, thing: Any) -> bool:
            ours = plain in cls.__bases__
            return isinstance(thing, plain) if ours else bool(super().__instancecheck__(thing))

        def __subclasscheck__(cls, kind: Any) -> bool:
            ours = plain in cls.__bases__
            return issubclass(kind, plain) if ours else bool(super().__subclasscheck__(kind))

    return StandIn

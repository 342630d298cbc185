"""What is known of live things, by which things they are, whatever they say they are equal to."""

from __future__ import annotations

import weakref
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")


class Known(weakref.ref[Any], Generic[Value]):
    """A weak reference that holds what is known of its thing."""

    __slots__ = ("key", "value")

    key: int
    value: Value


class ByIdentity(Generic[Value]):
    """A dictionary whose keys are things that may end, and need not be hashable.

    Hooks that are called all the time, for every event, future and task, look into ``known``
    themselves, by ``id(thing)``.
    """

    def __init__(self) -> None:
        known: dict[int, Known[Value]] = {}

        def forget(ended: Any) -> None:
            known.pop(ended.key, None)

        self.known = known
        self._forget = forget

    def __contains__(self, thing: Any) -> bool:
        return id(thing) in self.known

    def get(self, thing: Any) -> Value | None:
        """What is known of ``thing``."""
        entry = self.known.get(id(thing))
        return entry.value if entry is not None else None

    def __setitem__(self, thing: Any, value: Value) -> None:
        key = id(thing)
        entry = self.known.get(key)
        if entry is not None:
            entry.value = value
            return
        entry = Known(thing, self._forget)
        entry.key, entry.value = key, value
        self.known[key] = entry

    def __len__(self) -> int:
        return len(self.known)

    def items(self) -> list[tuple[Any, Value]]:
        """The things that live, with what is known of them; other threads may add their own."""
        living = [(entry(), entry.value) for entry in self.known.copy().values()]
        return [(thing, value) for thing, value in living if thing is not None]

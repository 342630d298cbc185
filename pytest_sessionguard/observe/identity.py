"""What is known of live things, by which things they are, whatever they say they are equal to."""

from __future__ import annotations

import weakref
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")


class ByIdentity(Generic[Value]):
    """A dictionary whose keys are things that may end, and need not be hashable.

    Asking is one look into a plain dictionary: hooks ask it of every event, future and task.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref[Any], Value]] = {}

    def __contains__(self, thing: Any) -> bool:
        return id(thing) in self._known

    def get(self, thing: Any) -> Value | None:
        """What is known of ``thing``."""
        entry = self._known.get(id(thing))
        return entry[1] if entry is not None else None

    def __setitem__(self, thing: Any, value: Value) -> None:
        key = id(thing)
        entry = self._known.get(key)
        ended = entry[0] if entry is not None else weakref.ref(thing, self._forgetting(key))
        self._known[key] = (ended, value)

    def _forgetting(self, key: int) -> Any:
        known = self._known

        def forget(_: Any) -> None:
            known.pop(key, None)

        return forget

    def __len__(self) -> int:
        return len(self._known)

    def items(self) -> list[tuple[Any, Value]]:
        """The things that live, with what is known of them; other threads may add their own."""
        living = [(reference(), value) for reference, value in self._known.copy().values()]
        return [(thing, value) for thing, value in living if thing is not None]

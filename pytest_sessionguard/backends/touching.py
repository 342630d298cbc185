"""What a worker touches between two yield points, noted by the hooks while it runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from pytest_sessionguard.schedule.footprints import Notes


class Shared:
    """Which events, futures and queues more than one worker uses, and which locks of one of them.

    Who made such a thing is not known, and a name after who used it first would hang on the order.
    So each counts as its first user's own. Once another worker uses one, its kind is among ``kinds``,
    in this execution and in those to come, and all of a kind get one name. So do locks that the
    workers make, once another than the maker takes one: who comes first makes it.
    """

    def __init__(self, kinds: set[str], notes: Notes) -> None:
        self._kinds = kinds
        self._notes = notes
        self._users: dict[int, tuple[Any, int]] = {}
        self._makers: dict[str, tuple[str, int]] = {}

    def is_shared(self, thing: Any, root: int) -> bool:
        """Whether things of its kind are shared, now that worker ``root`` uses this one."""
        kind = type(thing).__qualname__
        if kind in self._kinds:
            return True
        _, owner = self._users.setdefault(id(thing), (thing, root))
        if owner == root:
            return False
        self._share(kind)
        return True

    def made(self, name: str, kind: str, root: int) -> None:
        """Worker ``root`` has made a thing of its own."""
        self._makers[name] = (kind, root)

    def common(self, name: str, root: int) -> str | None:
        """The name that all of its kind have, once they are shared; None if its own will do."""
        kind, maker = self._makers.get(name, ("", root))
        if maker != root:
            self._share(kind)
        return f"any {kind}" if kind in self._kinds else None

    def _share(self, kind: str) -> None:
        self._notes.renamed = self._notes.renamed or kind not in self._kinds
        self._kinds.add(kind)


class Touching:
    """Notes what one worker touches; see ``Touched`` in ``observe.recorder``.

    ``number`` is its line and ``root`` its worker's; what it makes is called after ``part`` and ``name``.
    ``is_alone()`` tells whether the current strand is the worker's own.
    """

    def __init__(
        self,
        notes: Notes,
        shared: Shared,
        number: int,
        root: int,
        part: str,
        name: str,
        is_alone: Callable[[int], bool],
    ) -> None:
        self._notes = notes
        self._shared = shared
        self._number = number
        self._root = root
        self._part = part
        self._name = name
        self._is_alone = is_alone
        self._made: Counter[str] = Counter()

    def uses(self, session: str) -> None:
        """It works with a Session."""
        self._notes.stick(self._number, session)

    def reads(self, *names: str) -> None:
        """It looks at things."""
        for name in names:
            self._notes.read(self._number, name)

    def writes(self, *names: str) -> None:
        """It changes things."""
        for name in names:
            self._notes.write(self._number, name)

    def takes(self, lock: str, alone: bool = True) -> None:
        """It takes a lock, or tries to."""
        common = self._shared.common(lock, self._root)
        if common is None:
            self._notes.take(self._number, lock, alone)
        else:
            self._notes.write(self._number, common)

    def asks(self, lock: str) -> None:
        """It may have to wait for a lock: which one that is, its name does not always tell."""
        common = self._shared.common(lock, self._root)
        if common is not None:
            self._notes.write(self._number, common)

    def drops(self, lock: str, alone: bool = True) -> None:
        """It lets go of a lock."""
        common = self._shared.common(lock, self._root)
        if common is None:
            self._notes.drop(self._number, lock, alone)
        else:
            self._notes.write(self._number, common)

    def makes(self, kind: str) -> str:
        """``kind part.worker.n``: the n-th that this worker makes."""
        self._made[kind] += 1
        name = f"{kind} {self._part}.{self._name}.{self._made[kind]}"
        self._shared.made(name, kind, self._root)
        return name

    def renamed(self) -> None:
        """Something will be noted under another name from the next execution on."""
        self._notes.renamed = True

    def who(self) -> tuple[str, str]:
        """The part, and the worker's name in it."""
        return self._part, self._name

    def signals(self, thing: Any) -> None:
        """It uses an event, a future, a queue: called after its kind once workers share one."""
        if self._shared.is_shared(thing, self._root):
            self._notes.write(self._number, f"any {type(thing).__qualname__}")

    def place(self) -> str:
        """The worker's own; what it starts may be a pool's, and serve others too."""
        return f"{self._part}.{self._name}" if self._is_alone(self._number) else "any"

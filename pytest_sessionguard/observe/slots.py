"""Which pools could run out of connections, if every worker held as many as it was seen to hold.

In such a pool the order of checkouts and returns matters, so they meet. In all others nobody waits
for anybody: to have those meet costs three times the executions, and shows nothing.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from pytest_sessionguard.observe import sqla
from pytest_sessionguard.observe.recorder import Recorder, Touched

Who = tuple[str, str]
"""A concurrent part, and a worker of it."""


class Slots:
    """Of one search: how many connections each worker has of each pool, and had at most."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._has: Counter[tuple[str, Who]] = Counter()
        self._most: dict[str, Counter[Who]] = {}
        self._scarce: set[str] = set()

    def forget(self) -> None:
        """Another search begins."""
        self._scarce.clear()
        self._most.clear()

    def begin(self) -> None:
        """Another execution begins: no worker has a connection."""
        self._has.clear()

    def asked(self, pool: Any) -> None:
        """The current strand wants a connection, and may have to wait for it."""
        notes = self._recorder.notes()
        if notes is not None:
            self._meets(notes, pool)

    def taken(self, pool: Any) -> Who | None:
        """It has got one; who that is, as far as it takes turns."""
        notes, limit = self._recorder.notes(), sqla.pool_limit(pool)
        if notes is None or limit is None:
            return None
        who, name = notes.who(), _name(pool)
        self._has[name, who] += 1
        most = self._most.setdefault(name, Counter())
        most[who] = max(most[who], self._has[name, who])
        if name not in self._scarce and self._demand(pool, name, who[0]) > limit:
            self._scarce.add(name)
            notes.renamed()
        return who

    def returned(self, pool: Any, who: Who | None) -> None:
        """A connection goes back, which ``who`` had got."""
        if who is not None:
            self._has[_name(pool), who] -= 1
        notes = self._recorder.notes()
        if notes is not None:
            self._meets(notes, pool)

    def _demand(self, pool: Any, name: str, part: str) -> int:
        """What the workers of a part may hold together, and others do hold."""
        own = sum(count for (each, _), count in self._has.items() if each == name)
        most = sum(count for who, count in self._most[name].items() if who[0] == part)
        return most + max(int(pool.checkedout()) - own, 0)

    def _meets(self, notes: Touched, pool: Any) -> None:
        name = _name(pool)
        if name in self._scarce:
            notes.writes(f"slots of {name}")


def _name(pool: Any) -> str:
    label = sqla.label_of_pool(pool)
    return label.text if label is not None else "a database"

"""What a worker touches between two yield points, and when two such stretches commute.

A name stands for something shared: a Session, a key of a registry, a table, SQLite's write lock, a
lock or queue of the user's. Names never hang on the order of the workers: a thing is called after
the worker that made it and its number among those, never after who used it first.
"""

from __future__ import annotations

from typing import NamedTuple

Names = frozenset[str]
_NOTHING: Names = frozenset()


class Footprint(NamedTuple):
    """Names that were read and written; of those, locks that were taken and let go of.

    A lock that several may hold at once is read by them, and written by who needs it alone.
    """

    reads: Names = _NOTHING
    writes: Names = _NOTHING
    takes: Names = _NOTHING
    drops: Names = _NOTHING


EMPTY = Footprint()


def meet(one: Footprint, other: Footprint) -> bool:
    """Whether the order of the two matters: one writes what the other reads or writes."""
    if one.writes and not (one.writes.isdisjoint(other.writes | other.reads)):
        return True
    return bool(other.writes) and not other.writes.isdisjoint(one.reads)


class Notes:
    """Gathers the footprints of ``count`` workers while they run.

    *Sticky*: plain Python code looks into a Session before any hook does (``user.address`` asks for
    its session), so whoever has touched a Session reads it in all that it does from then on.
    ``renamed`` when something has got another name than it had in earlier executions.
    """

    def __init__(self, count: int) -> None:
        self._reads: list[set[str]] = []
        self._writes: list[set[str]] = []
        self._takes: list[set[str]] = []
        self._drops: list[set[str]] = []
        self._sticky: list[Names] = []
        self.renamed = False
        for _ in range(count):
            self.add()

    def add(self) -> None:
        """One more of them."""
        for sets in (self._reads, self._writes, self._takes, self._drops):
            sets.append(set())
        self._sticky.append(_NOTHING)

    def read(self, number: int, name: str) -> None:
        """Worker ``number`` looks at a thing."""
        self._reads[number].add(name)

    def write(self, number: int, name: str) -> None:
        """It changes a thing."""
        self._writes[number].add(name)

    def stick(self, number: int, name: str) -> None:
        """It uses a Session, and may look at it from now on."""
        self._writes[number].add(name)
        if name not in self._sticky[number]:
            self._sticky[number] |= {name}

    def take(self, number: int, lock: str, alone: bool = True) -> None:
        """It takes a lock, or tries to."""
        (self._writes if alone else self._reads)[number].add(lock)
        self._takes[number].add(lock)

    def drop(self, number: int, lock: str, alone: bool = True) -> None:
        """It lets go of a lock."""
        (self._writes if alone else self._reads)[number].add(lock)
        self._drops[number].add(lock)

    def close(self, number: int, undone: bool = False) -> Footprint:
        """The footprint since the last call; all of it is still to come if it was ``undone``."""
        reads, writes = self._reads[number], self._writes[number]
        takes, drops = self._takes[number], self._drops[number]
        sticky = self._sticky[number]
        if not (reads or writes):
            return Footprint(sticky) if sticky else EMPTY
        found = Footprint(
            sticky | reads if reads else sticky,
            frozenset(writes),
            frozenset(takes) if takes else _NOTHING,
            frozenset(drops) if drops else _NOTHING,
        )
        if not undone:
            reads.clear()
            writes.clear()
            takes.clear()
            drops.clear()
        return found

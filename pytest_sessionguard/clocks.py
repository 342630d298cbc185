"""Happens-before between strands: small vector clocks.

A strand's clock ticks only when one of its outermost session operations ends, so a clock has an
entry for each strand that used a session, and for no other. Clocks start anew with each test:
what happened in an earlier test is ordered before everything in the next.

Source: C. Fidge, "Timestamps in Message-Passing Systems That Preserve the Partial Ordering"
(1988); the tick at operation ends only is the epoch idea of FastTrack (Flanagan, Freund, 2009).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

NOTHING_SEEN: Mapping[int, int] = MappingProxyType({})


class Seen(dict[int, int]):
    """Strand -> the last of its ticks that is ordered before; filled once, and then never changed.

    ``grown_from`` has no more than this has. What meets is mostly a few steps away from each other,
    so that the entries need not be compared: a test that sends hundreds of requests has thousands.
    """

    __slots__ = ("grown_from",)

    def __init__(self, grown_from: Mapping[int, int]) -> None:
        super().__init__(grown_from)
        self.grown_from = grown_from


class Snapshot(NamedTuple):
    """What a strand passes on when something it did orders another strand after it.

    ``seen`` holds its own operations too. It is passed on as it is: who knows it already can tell
    by its identity, which matters where a test sends hundreds of requests.
    """

    epoch: int
    seen: Mapping[int, int]


class Epoch:
    """The number of the current test; clocks of earlier ones count as empty.

    No two tests of a process have the same, even if two guards watch one after the other.
    ``imports`` is the number of what comes before the first test.
    """

    __slots__ = ("imports", "number")

    def __init__(self) -> None:
        self.imports = self.number = next(_numbers)

    def begin(self) -> None:
        """The next test begins."""
        self.number = next(_numbers)


_numbers = itertools.count()


class Clock:
    """The vector clock of one strand.

    ``latest`` is ``seen`` for who has renewed the clock in this test. It is replaced, never
    changed, so events may keep a reference to it, and strands share it. ``passed_on`` is the last
    tick that another strand may know of.
    """

    def __init__(self, strand: int, epoch: Epoch) -> None:
        self.strand = strand
        self.tick = 0
        self.passed_on = -1
        self.latest: Mapping[int, int] = NOTHING_SEEN
        self._epoch = epoch
        self._number = epoch.number
        self._started = 0
        self._joined: Mapping[int, int] | None = None
        self._exported: Snapshot | None = None

    @property
    def seen(self) -> Mapping[int, int]:
        """Strand -> the last of its ticks that is ordered before now."""
        self.renew()
        return self.latest

    def renew(self) -> None:
        """Start anew if another test has begun."""
        if self._number != self._epoch.number:
            self._number = self._epoch.number
            self.latest, self._joined, self._exported = NOTHING_SEEN, None, None
            self._started = self.tick

    def advance(self) -> int:
        """End an outermost operation; its number among this strand's operations."""
        self.tick += 1
        return self.tick

    def export(self) -> Snapshot | None:
        """What the strands ordered after now should know; None when there is nothing."""
        if self._number != self._epoch.number:
            self.renew()
        tick, seen = self.tick, self.latest
        if tick == self._started:
            if not seen:
                return None
        elif seen.get(self.strand, 0) < tick:
            self.latest = seen = Seen(seen)
            seen[self.strand] = tick
        self.passed_on = tick
        known = self._exported
        if known is None or known.seen is not seen:
            known = self._exported = Snapshot(self._number, seen)
        return known

    def join(self, snapshot: Snapshot | None) -> None:
        """Order everything in ``snapshot`` before what this strand does next."""
        if snapshot is None or snapshot.epoch != self._epoch.number:
            return
        if self._number != self._epoch.number:
            self.renew()
        other = snapshot.seen
        if other is not self._joined and other is not self.latest:
            self._joined = other
            self.latest = _both(self.latest, other) if self.latest else other

    def replace(self, snapshot: Snapshot | None) -> None:
        """Forget what was seen and start from ``snapshot`` (a pool thread between two jobs)."""
        self._number = self._epoch.number
        self.latest, self._joined = NOTHING_SEEN, None
        self.join(snapshot)


def _both(known: Mapping[int, int], other: Mapping[int, int]) -> Mapping[int, int]:
    """One of the two that holds all that the other does, if there is one; else a new one."""
    if other is known or not known or _grew(other, known):
        return other
    if _grew(known, other) or _covers(known, other):
        return known
    if len(other) >= len(known) and _covers(other, known):
        return other
    found = Seen(known)
    for strand, tick in other.items():
        if found.get(strand, 0) < tick:
            found[strand] = tick
    return found


def _grew(later: Mapping[int, int], earlier: Mapping[int, int]) -> bool:
    """Whether the one has grown from the other in a few steps."""
    for _ in range(_STEPS):
        if not isinstance(later, Seen):
            return False
        later = later.grown_from
        if later is earlier:
            return True
    return False


def _covers(seen: Mapping[int, int], other: Mapping[int, int]) -> bool:
    return all(seen.get(strand, 0) >= tick for strand, tick in other.items())


_STEPS = 8


def is_ordered(strand: int, tick: int, seen: Mapping[int, int]) -> bool:
    """Whether operation ``tick`` of ``strand`` happens before an operation that began with ``seen``."""
    return seen.get(strand, 0) >= tick


def merged(first: Snapshot, second: Snapshot) -> Snapshot:
    """One snapshot that is after both; the later test's if they are of two."""
    if first.epoch != second.epoch:
        return max(first, second, key=lambda snapshot: snapshot.epoch)
    return Snapshot(first.epoch, _both(first.seen, second.seen))

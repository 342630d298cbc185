"""Which steps of an execution are ordered by what they touch, and which could come the other way.

The order of two segments matters if their footprints meet; all others follow from those. Executions
in which the segments that meet come in one and the same order are of one *class*: they cannot be
told apart by what the guard sees.

Source: C. Flanagan, P. Godefroid, "Dynamic Partial-Order Reduction for Model Checking Software"
(POPL 2005); P. Abdulla, S. Aronis, B. Jonsson, K. Sagonas, "Optimal Dynamic Partial Order Reduction"
(POPL 2014), of which the source sets are used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pytest_sessionguard.schedule.strategy import Segment

Clock = dict[int, int]
"""How many of each worker's segments are ordered before; of one's own, itself included."""


@dataclass(slots=True)
class Ordered:
    """A segment in its place: ``number`` among its worker's (from 1), and what is ordered before it.

    ``own`` is what was before it by its own worker alone, ``met`` the last segment of each other
    worker that it meets, ``held`` the locks that its worker held when it began, each with the place
    where it was taken.
    """

    place: int
    segment: Segment
    number: int
    clock: Clock
    own: Clock
    met: list[Ordered]
    held: dict[str, int]

    def is_before(self, other: Ordered) -> bool:
        """Whether this one is ordered before ``other``, or is it."""
        return other.clock.get(self.segment.worker, 0) >= self.number


class Race(NamedTuple):
    """Two segments that meet, and that nothing between them orders; places in the execution.

    ``first`` is where the second worker could have gone on before, ``met`` the segment that it
    meets: later, where the one took a lock at ``first`` that the other needs.
    """

    first: int
    second: int
    met: int


def ordered(segments: Sequence[Segment]) -> list[Ordered]:
    """The segments with their clocks; without those that were undone, as if they had not been."""
    found: list[Ordered] = []
    last: dict[int, Ordered] = {}
    touched, locks = _Touched(), _Locks()
    part, joined = 0, Clock()
    for place, segment in enumerate(s for s in segments if not s.undone):
        if segment.part != part:  # the workers of the part before have ended
            part, joined = segment.part, _joined([each.clock for each in last.values()])
        before = last.get(segment.worker)
        own = before.clock if before is not None else joined
        met = touched.met_by(segment)
        clock = _joined([own, *(each.clock for each in met)])
        number = clock[segment.worker] = before.number + 1 if before is not None else 1
        current = Ordered(place, segment, number, clock, own, met, locks.held(segment.worker))
        touched.add(current)
        locks.note(current)
        last[segment.worker] = current
        found.append(current)
    return found


class _Locks:
    """Which worker holds which lock, and where it was taken."""

    def __init__(self) -> None:
        self._held: dict[int, dict[str, int]] = {}

    def held(self, worker: int) -> dict[str, int]:
        """The locks of a worker, each with the place where it was taken."""
        return dict(self._held.get(worker, _NO_LOCKS))

    def note(self, current: Ordered) -> None:
        """A segment takes locks, and lets go of locks; also of those that another one took."""
        _, _, takes, drops = current.segment.footprint
        if not (takes or drops):
            return
        own = self._held.setdefault(current.segment.worker, {})
        for lock in takes:
            own.setdefault(lock, current.place)
        for lock in drops:
            for held in (own,) if lock in own else self._held.values():
                held.pop(lock, None)


class _Touched:
    """For each name, who wrote it last and who read it since, worker by worker."""

    def __init__(self) -> None:
        self._writes: dict[str, dict[int, Ordered]] = {}
        self._reads: dict[str, dict[int, Ordered]] = {}

    def met_by(self, segment: Segment) -> list[Ordered]:
        """The last segment of each other worker and name that this one meets."""
        found: dict[int, Ordered] = {}
        worker, (reads, writes, _, _) = segment.worker, segment.footprint
        for names, where in (
            (reads, self._writes),
            (writes, self._writes),
            (writes, self._reads),
        ):
            for name in names:
                touching = where.get(name)
                if touching is None or (len(touching) == 1 and worker in touching):
                    continue  # nobody else has touched it, as is most often so
                for other, each in touching.items():
                    if other != worker and (other not in found or found[other].place < each.place):
                        found[other] = each
        return list(found.values())

    def add(self, current: Ordered) -> None:
        worker = current.segment.worker
        for name in current.segment.footprint.reads:
            self._reads.setdefault(name, {})[worker] = current
        for name in current.segment.footprint.writes:
            self._writes.setdefault(name, {})[worker] = current


_NO_LOCKS: dict[str, int] = {}


def _joined(clocks: Sequence[Clock]) -> Clock:
    found = dict(clocks[0]) if clocks else {}
    for clock in clocks[1:]:
        for worker, number in clock.items():
            if found.get(worker, 0) < number:
                found[worker] = number
    return found


def races(events: Sequence[Ordered], since: int) -> Iterator[Race]:
    """The races whose second segment is at ``since`` or later.

    A worker that needs a lock cannot come before the one that holds it lets go; but before that one
    takes it, it can. So of two critical sections it is their beginnings that race.
    """
    for second in events[since:]:
        rivals = [(_where_able(events, each, second), each) for each in second.met]
        rivals = [each for each in rivals if not _is_known(each[0], second)]
        for first, met in rivals:
            if not any(first is not each and first.is_before(each) for each, _ in rivals):
                yield Race(first.place, second.place, met.place)


def _where_able(events: Sequence[Ordered], first: Ordered, second: Ordered) -> Ordered:
    """Walk back to where the second worker could have gone on, as far as locks are concerned."""
    if not first.held:
        return first
    _, writes, takes, _ = second.segment.footprint
    places = [
        place
        for lock, place in first.held.items()
        if lock in takes and (lock in writes or lock in events[place].segment.footprint.writes)
    ]
    return events[min(places)] if places else first


def _is_known(first: Ordered, second: Ordered) -> bool:
    return second.own.get(first.segment.worker, 0) >= first.number


def initials(events: Sequence[Ordered], race: Race) -> list[Segment]:
    """What may come first in an order where the race goes the other way; the racer's first."""
    first, second = events[race.first], events[race.second]
    kept = [each for each in events[race.first + 1 : race.second] if not first.is_before(each)]
    found: list[Segment] = []
    seen: set[int] = set()
    for place, each in enumerate((*kept, second)):
        worker = each.segment.worker
        if worker not in seen and not any(other.is_before(each) for other in kept[:place]):
            found.append(each.segment)
        seen.add(worker)
    racer = second.segment.worker
    return sorted(found, key=lambda segment: segment.worker != racer)


def class_of(segments: Sequence[Segment]) -> int:
    """A number that is the same for executions of one class, and for hardly any others.

    All that is ordered follows from which segments each one meets. Of this process only.
    """
    names = {each.worker: _name(each) for each in segments}
    return hash(
        frozenset(
            (
                names[each.segment.worker],
                each.number,
                frozenset((names[met.segment.worker], met.number) for met in each.met),
            )
            for each in ordered(segments)
        )
    )


def _name(segment: Segment) -> str:
    """The same in every order of the workers, also for what they have started."""
    return f"{segment.part}:{segment.line or segment.worker}"

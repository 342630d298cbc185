"""The reduced search: one order of each class, fewest preemptions first.

Executions form a tree: a node is a place where several workers could go on. In each execution the
pairs of segments that race are looked for; each pair wishes, at the node before its first segment,
for an order in which the second comes first. *Sleep*: what has been begun at a node by one worker
need not be begun there by another, as long as nothing meets what the one would do.

Within a bound on preemptions nobody sleeps, since the order that this leaves out may be the one
within the bound; and a pair wishes also where the worker that lost the race had got the turn.

Source: as for ``races``; for the bound K. Coons, M. Musuvathi, K. McKinley, "Bounded Partial-Order
Reduction" (OOPSLA 2013).
"""

from __future__ import annotations

import bisect
import heapq
import random
from collections.abc import Iterator, Sequence

from pytest_sessionguard.schedule.races import Ordered, Race, initials, ordered, races
from pytest_sessionguard.schedule.strategy import Base, Coverage, Execution, Schedule, Segment
from pytest_sessionguard.schedule.tree import Node, Sleep, Wish, awoken, share_seen

TELLING = 10
"""Executions after which those that are known to come are expected to lead to as many more as these."""


class Reduced:
    """The reduced search, with at most ``preemptions`` preemptions; None for any number.

    ``dice`` draw what lies beyond the branch that is tried; without them it is the plain choice.
    ``redundant`` counts executions that turned out to be like an earlier one.
    """

    name = "reduced"

    def __init__(self, preemptions: int | None = None) -> None:
        self.preemptions = preemptions
        self.dice: random.Random | None = None
        self.redundant = 0
        self._begun = False
        self._cut = False
        self._drifted = False
        self._root: Node | None = None
        self._wishes: list[Wish] = []
        self._wished = 0
        self._leaves: list[tuple[Node, int]] = []
        self._path: list[tuple[Node, int]] = []
        self._guide = _Guide({}, 0)

    # -- the protocol ------------------------------------------------------------------------

    def next(self) -> Schedule | None:
        """The schedule of the cheapest wish."""
        self._path, self._guide = [], _Guide({}, 0)
        if not self._begun:
            self._begun = True
            return ()
        if not self._wishes:
            return None
        wish = heapq.heappop(self._wishes)
        self._path = wish.node.path(wish.worker)
        self._guide = _Guide(self._asleep(wish.node, wish.worker), len(self._path) - 1)
        return tuple(node.able.index(worker) for node, worker in self._path)

    def beyond(
        self, base: Base, segments: Sequence[Segment], able: tuple[int, ...], free: bool
    ) -> int:
        """The first worker, or one by the dice, of those that are not asleep."""
        del free
        awake = self._guide.awake(base, segments, able)
        if not awake:
            return 0
        return awake[0] if self.dice is None else self.dice.choice(awake)

    def ran(self, execution: Execution) -> None:
        """Add the execution to the tree, and what its races wish for."""
        if execution.renamed:
            self._begin_anew()
            return
        segments = execution.segments
        since = self._follow(segments)
        if since is None:
            self._drifted = True
            return
        nodes, end = self._grow(segments, since)
        self.redundant += end < len(segments)
        events = ordered(segments[:end])
        solid = [place for place in range(end) if not segments[place].undone]
        nodes = {place: nodes[each] for place, each in enumerate(solid) if each in nodes}
        for race in races(events, bisect.bisect_left(solid, since)):
            if self.preemptions is None:
                self._reverse(events, nodes, race)
            else:
                self._reverse_within(events, nodes, race)

    @property
    def classes(self) -> int:
        """How many classes have been met."""
        return len(self._leaves) - self.redundant

    def coverage(self) -> Coverage:
        """Complete when one order of each class has been tried."""
        cut = "preemptions" if self._cut else None
        if self._drifted:
            cut = "drift"  # one schedule led two ways
        exhausted = self._begun and not self._wishes
        return Coverage(exhausted, exhausted and cut is None, cut, self.estimate)

    @property
    def estimate(self) -> int:
        """About how many executions the whole search takes, as far as can be told by now."""
        done = len(self._leaves)
        least = done + len(self._wishes)
        share = share_seen(self._leaves)
        if not share:
            return least
        known = max(done / share, least)
        return round(known if done < TELLING or not self._wishes else known * known / done)

    def _begin_anew(self) -> None:
        """What was known goes by other names than what comes."""
        self._begun, self._root = False, None
        self._wishes, self._leaves = [], []
        self.redundant = 0

    # -- the tree ----------------------------------------------------------------------------

    def _asleep(self, node: Node, worker: int) -> Sleep:
        return node.asleep_beside(worker) if self.preemptions is None else {}

    def _follow(self, segments: Sequence[Segment]) -> int | None:
        """The place of the first segment of the branch that was tried; None if the way was another."""
        if not self._path:
            return 0 if self._root is None else None
        places = [place for place, segment in enumerate(segments) if segment.place is not None]
        if len(places) < len(self._path):
            return None
        for place, (node, worker) in zip(places, self._path, strict=False):
            if (segments[place].able, segments[place].worker) != (node.able, worker):
                return None
        return places[len(self._path) - 1]

    def _grow(self, segments: Sequence[Segment], since: int) -> tuple[dict[int, Node], int]:
        """The nodes by the places of their segments, and where what follows is known already."""
        places = [place for place, segment in enumerate(segments) if segment.place is not None]
        nodes = {place: node for place, (node, _) in zip(places, self._path, strict=False)}
        parent, via = self._path[-1] if self._path else (None, 0)
        asleep = self._asleep(parent, via) if parent is not None else {}
        end = len(segments)
        for place in range(since, len(segments)):
            segment = segments[place]
            if segment.worker in asleep:
                end = place
                break
            if segment.place is not None:
                if place not in nodes:
                    nodes[place] = Node(parent, via, segment, asleep)
                    self._root = self._root or nodes[place]
                parent, via = nodes[place], segment.worker
                parent.branches[via] = segment.footprint
            asleep = awoken(asleep, segment)
        if parent is not None:
            self._leaves.append((parent, via))
        return nodes, end

    # -- wishes ------------------------------------------------------------------------------

    def _reverse(self, events: Sequence[Ordered], nodes: dict[int, Node], race: Race) -> None:
        """Wish for an order in which the second of the race comes first."""
        node = nodes.get(race.first)
        if node is None:
            return
        wanted = [_standing_for(s, node, events[: race.first]) for s in initials(events, race)]
        if not any(worker in node.branches or worker in node.sleep for worker in wanted):
            able = [worker for worker in wanted if worker in node.able]
            self._wish(node, able[:1])

    def _reverse_within(
        self, events: Sequence[Ordered], nodes: dict[int, Node], race: Race
    ) -> None:
        """The same within a bound: the racer, or everybody where that one could not go on."""
        racer = events[race.second].segment
        for place in _places_of_turn(events, race):
            node = nodes.get(place)
            if node is not None:
                worker = _standing_for(racer, node, events[:place])
                self._wish(node, [worker] if worker in node.able else node.able)

    def _wish(self, node: Node, workers: Sequence[int]) -> None:
        for worker in workers:
            if worker in node.branches:
                continue
            cost = node.cost_of(worker)
            if self.preemptions is not None and cost > self.preemptions:
                self._cut = True
                continue
            node.branches[worker] = None
            self._wished += 1
            heapq.heappush(self._wishes, Wish(cost, -self._wished, node, worker))


class _Guide:
    """Follows an execution and knows who is asleep beyond the decision ``branch``."""

    def __init__(self, asleep: Sleep, branch: int) -> None:
        self._asleep = asleep
        self._branch = branch
        self._branched = False
        self._base = Base()
        self._seen = 0

    def awake(
        self, base: Base, segments: Sequence[Segment], able: tuple[int, ...]
    ) -> Sequence[int]:
        """The places in ``able`` of those that are not asleep."""
        if not self._asleep:
            return range(len(able))
        if base != self._base:
            self._base, self._seen = base, 0
        for segment in self._new(segments):
            self._branched = self._branched or segment.place == self._branch
            if self._branched:
                self._asleep = awoken(self._asleep, segment)
        return [place for place, w in enumerate(able) if w + base.workers not in self._asleep]

    def _new(self, segments: Sequence[Segment]) -> Iterator[Segment]:
        while self._seen < len(segments):
            self._seen += 1
            yield segments[self._seen - 1].after(self._base)


def _places_of_turn(events: Sequence[Ordered], race: Race) -> set[int]:
    """Where the second worker of a race may get the turn: before the first segment, and where the
    first worker had got its own turn, or held a lock: who waits for that gives the turn back, and
    it costs no preemption.
    """
    places = {race.first, race.met}
    for place in (race.first, race.met):
        worker = events[place].segment.worker
        while place and events[place - 1].segment.worker == worker:
            place -= 1
            if events[place].held:
                places.add(place)
        places.add(place)
    return places


def _standing_for(segment: Segment, node: Node, before: Sequence[Ordered]) -> int:
    """The worker itself; of those alike that had not begun, the one that may be chosen."""
    worker = segment.worker
    if worker in node.able or segment.line:
        return worker
    begun = {each.segment.worker for each in before}
    if worker in begun:
        return worker
    return next((other for other in node.able if other not in begun), worker)

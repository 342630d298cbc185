"""The tree of executions that the reduced search grows: nodes, sleep, and wishes."""

from __future__ import annotations

from typing import NamedTuple

from pytest_sessionguard.schedule.footprints import Footprint, meet
from pytest_sessionguard.schedule.strategy import Segment

Sleep = dict[int, Footprint]
"""Workers that need not be chosen, and what they would do next."""


class Node:
    """A place where several workers could go on.

    ``branches`` has what each worker that was chosen here did, None as long as that is not known;
    ``via`` is the one that was chosen at ``parent``. ``cost`` are the preemptions up to here.
    """

    __slots__ = ("able", "branches", "cost", "free", "parent", "sleep", "via")

    def __init__(self, parent: Node | None, via: int, segment: Segment, sleep: Sleep) -> None:
        self.parent = parent
        self.via = via
        self.able = segment.able
        self.free = segment.free
        self.sleep = sleep
        self.cost: int = parent.cost_of(via) if parent is not None else 0
        self.branches: dict[int, Footprint | None] = {}

    def cost_of(self, worker: int) -> int:
        """The preemptions up to here and in this choice."""
        return self.cost + (0 if self.free or worker == self.able[0] else 1)

    def asleep_beside(self, worker: int) -> Sleep:
        """Who sleeps when ``worker`` has been chosen, before it is known what it does."""
        begun = {w: f for w, f in self.branches.items() if f is not None and w != worker}
        return {**self.sleep, **begun}

    def path(self, worker: int) -> list[tuple[Node, int]]:
        """The nodes from the root to here, each with the worker that is chosen there."""
        node, found = self, [(self, worker)]
        while node.parent is not None:
            found.append((node.parent, node.via))
            node = node.parent
        return found[::-1]


class Wish(NamedTuple):
    """A branch that is still to be tried: the cheapest comes first, and of those the latest."""

    cost: int
    order: int
    node: Node
    worker: int


def awoken(asleep: Sleep, segment: Segment) -> Sleep:
    """Who still sleeps after a segment: it wakes whom it meets."""
    if not asleep:
        return asleep
    return {
        worker: footprint
        for worker, footprint in asleep.items()
        if worker != segment.worker and not meet(footprint, segment.footprint)
    }


def share_seen(leaves: list[tuple[Node, int]]) -> float:
    """Which share of the tree these leaves are, as far as branches are known; 1 for all of it.

    Source: D. Knuth, "Estimating the Efficiency of Backtrack Programs" (1975): a leaf's weight is
    the chance to come to it by drawing a branch at each node.
    """
    share = 0.0
    for leaf, worker in leaves:
        weight = 1.0
        for node, _ in leaf.path(worker):
            weight /= len(node.branches)
        share += weight
    return share

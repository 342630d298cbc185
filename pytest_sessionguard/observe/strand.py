"""Who runs, and for whom: a strand is something the interpreter runs, a worker a unit of work."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

from pytest_sessionguard.clocks import NOTHING_SEEN, Clock, Epoch
from pytest_sessionguard.events import Site, Stack

NO_LOCKS: frozenset[int] = frozenset()


class Worker:
    """A unit of work, live. ``announced`` is the epoch in whose trace it was last described."""

    __slots__ = (
        "announced", "ended", "inside_test_context", "kind", "label", "parent", "site", "token",
    )  # fmt: skip

    def __init__(
        self, token: int, kind: str, label: str, parent: Worker | None, site: Site | None
    ) -> None:
        self.token = token
        self.kind = kind
        self.label = label
        self.parent = parent
        self.site = site
        self.ended = False
        self.inside_test_context = False
        self.announced = -1


class Binding(NamedTuple):
    """Where and when work was given its arguments, if that is not where it is started."""

    stack: Stack
    number: int


class Strand:
    """Something the interpreter runs, live.

    ``job`` is what it runs on behalf of others just now: a pool thread its executor's job, a
    request's task a background task. ``jobs`` gathers what all its finished jobs did, for whoever
    joins the thread; ``children`` what all ended strands did that this one had started.
    ``operations`` are the sessions on which an operation is under way. ``internal`` marks a
    driver's thread: nothing it does orders anything. ``own_work`` marks what the user's code
    started, ``serial`` a job of an executor with one thread: its jobs run one by one. ``pooled`` marks
    what takes no turns: a thread of a pool whose jobs are not seen (ThreadPool's), or a job that no
    greenlet of ours could wake. ``reach`` returns what the strand was started with; ``leaving`` is
    the function whose end started it.
    ``told`` is what was last noted of each lock that it took. ``queued`` gathers what the loop
    callbacks did that it had queued. ``task`` is the task that it is, if any. ``bound`` is the number at
    which its arguments were bound.
    """

    queued: Clock | None = None
    task: weakref.ref[Any] | None = None
    spawned: Stack = ()
    leaving: Site | None = None
    reach: Callable[[], Any] | None = None
    ended = False
    internal = False
    own_work = False
    serial = False
    pooled = False
    started = NOTHING_SEEN
    announced = -1

    def __init__(
        self, token: int, kind: str, label: str, parent: Strand | None, worker: Worker, epoch: Epoch
    ) -> None:
        self.token = token
        self.bound = token
        self.job: Strand | None = None  # asked all the time: an attribute of its own
        self.kind = kind
        self.label = label
        self.parent = parent
        self.worker = worker
        self.epoch = epoch
        self.clock = Clock(token, epoch)
        self.operations: list[Any] = []
        self.locks: list[int] = []
        self.inherited: list[int] = []

    @property
    def children(self) -> Clock:
        """Any thread may end one of them, so this one step decides whose clock it is."""
        found: Clock | None = self.__dict__.get("_children")
        if found is None:
            found = self.__dict__.setdefault("_children", Clock(self.token, self.epoch))
        return found

    @cached_property
    def jobs(self) -> Clock:
        return Clock(self.token, self.epoch)

    @cached_property
    def told(self) -> dict[int, tuple[Mapping[int, int], int, int]]:
        return {}


def held_locks(strand: Strand) -> frozenset[int]:
    """The user's locks that a strand holds, or whoever started it holds for it all the while."""
    if not strand.locks and not strand.inherited:
        return NO_LOCKS
    held = set(strand.locks)
    if strand.inherited and strand.parent is not None:
        held.update(held_locks(strand.parent).intersection(strand.inherited))
    return frozenset(held)

"""The append-only trace of one execution, and views of it for the rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import NamedTuple, TypeVar

from pytest_sessionguard import events as ev

Result = TypeVar("Result")
E = TypeVar("E")

NOT_ENDED = -1
"""The tick of an operation that was still running when the trace was judged."""


class Use(NamedTuple):
    """One outermost operation on a session: its beginning, and how and where it ended.

    ``at`` and ``ended_at`` are positions in the trace; ``state`` is what the session was left in:
    ``""`` (clean), ``"open"`` (a transaction) or ``"dirty"`` (unwritten changes as well).
    """

    began: ev.Began
    at: int
    ended_at: int
    tick: int
    state: str


class Trace:
    """Events in the order in which they were observed.

    Adding is open until the first view is taken; rules only read. A trace that reached its
    limit says so in ``cut``.
    """

    def __init__(self, events: Iterable[ev.Event] = (), limit: int = 500_000) -> None:
        self.events: list[ev.Event] = list(events)
        self.limit = limit
        self.cut = False
        self._derived: dict[object, object] = {}

    def note(self, event: ev.Event) -> None:
        """Add one event."""
        if len(self.events) < self.limit:
            self.events.append(event)
        else:
            self.cut = True

    def copy(self) -> Trace:
        """The same events, with views of their own."""
        return Trace(self.events, self.limit)

    def derive(self, function: Callable[[Trace], Result]) -> Result:
        """``function(self)``, worked out once for all rules that ask."""
        if function not in self._derived:
            self._derived[function] = function(self)
        return self._derived[function]  # type: ignore[return-value]

    def of(self, kind: type[E]) -> Iterator[E]:
        """The events of one type, in order."""
        return (event for event in self._by_type.get(kind, ()) if isinstance(event, kind))

    @cached_property
    def _by_type(self) -> dict[type, list[ev.Event]]:
        found: dict[type, list[ev.Event]] = defaultdict(list)
        for event in self.events:
            found[type(event)].append(event)
        return found

    @cached_property
    def workers(self) -> dict[int, ev.WorkerBegan]:
        """Token -> worker."""
        return {event.worker: event for event in self.of(ev.WorkerBegan)}

    @cached_property
    def strands(self) -> dict[int, ev.StrandBegan]:
        """Token -> strand."""
        return {event.strand: event for event in self.of(ev.StrandBegan)}

    @cached_property
    def sessions(self) -> dict[int, ev.SessionMade]:
        """Token -> session."""
        return {event.session: event for event in self.of(ev.SessionMade)}

    @cached_property
    def registries(self) -> dict[int, ev.RegistryMade]:
        """Token -> registry."""
        return {event.registry: event for event in self.of(ev.RegistryMade)}

    @cached_property
    def pools(self) -> dict[int, ev.PoolMade]:
        """Token -> pool."""
        return {event.pool: event for event in self.of(ev.PoolMade)}

    @cached_property
    def published(self) -> dict[int, ev.Published]:
        """Session -> where it is held for others."""
        return {event.session: event for event in self.of(ev.Published)}

    @cached_property
    def kept(self) -> dict[int, ev.Kept]:
        """Event or operation that asked an instance for something -> who keeps that instance."""
        return {event.number: event for event in self.of(ev.Kept)}

    @cached_property
    def lasting(self) -> dict[int, ev.Lasting]:
        """Session -> how the app reaches it in every request."""
        return {event.session: event for event in self.of(ev.Lasting)}

    @cached_property
    def abandoned(self) -> dict[int, ev.Site]:
        """Session -> the line that dropped the asynchronous generator which has it."""
        return {event.session: event.site for event in self.of(ev.Abandoned)}

    @cached_property
    def worker_ends(self) -> dict[int, int]:
        """Worker -> the place in the trace where it ended."""
        return {e.worker: at for at, e in enumerate(self.events) if isinstance(e, ev.WorkerEnded)}

    @cached_property
    def handed(self) -> dict[tuple[int, int], ev.Handed]:
        """(strand, session) -> how the strand was given the session."""
        return {(event.strand, event.session): event for event in self.of(ev.Handed)}

    @cached_property
    def lookups(self) -> dict[int, list[ev.Looked]]:
        """Session -> the lookups that returned it."""
        found: dict[int, list[ev.Looked]] = defaultdict(list)
        for event in self.of(ev.Looked):
            found[event.session].append(event)
        return found

    @cached_property
    def uses(self) -> dict[int, list[Use]]:
        """Session -> its outermost operations, in the order in which they began."""
        ends: dict[int, tuple[int, ev.Ended]] = {}
        for at, event in enumerate(self.events):
            if isinstance(event, ev.Ended):
                ends[event.number] = (at, event)
        found: dict[int, list[Use]] = defaultdict(list)
        last = len(self.events)
        for at, event in enumerate(self.events):
            if isinstance(event, ev.Began):
                ended_at, end = ends.get(
                    event.number, (last, ev.Ended(event.number, NOT_ENDED, ""))
                )
                found[event.session].append(Use(event, at, ended_at, end.tick, end.state))
        return found

    def chain(self, strand: int) -> list[ev.StrandBegan]:
        """A strand and those that started it, innermost first."""
        found = []
        current: int | None = strand
        while current is not None and (began := self.strands.get(current)) is not None:
            found.append(began)
            current = began.parent
        return found

    def kind_of(self, worker: int) -> str:
        """The kind of a worker; ``"test"`` for one that was never described."""
        began = self.workers.get(worker)
        return began.kind if began is not None else "test"

    def is_test(self, worker: int) -> bool:
        """Whether this worker is the test or its fixtures."""
        return self.kind_of(worker) == "test"

    def ended_before(self, worker: int, at: int) -> bool:
        """Whether a worker had ended when the event at place ``at`` was noted."""
        return self.worker_ends.get(worker, at) < at

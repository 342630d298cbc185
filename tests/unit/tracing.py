"""Traces told by hand, so that the test of a rule reads like a story.

    story = TraceBuilder()
    session = story.session(at=3)
    thread = story.spawn(at=20, given=session)
    story.use(thread, session, "add", at=31)
    story.use(story.test, session, "commit", at=21)
    [found] = story.check("SG101")

Nothing is ordered unless the story says so: ``spawn``, ``join`` and ``pass_on`` move real clocks.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from pytest_sessionguard import events as ev
from pytest_sessionguard.clocks import Clock, Epoch
from pytest_sessionguard.events import Site
from pytest_sessionguard.findings import Finding
from pytest_sessionguard.rules import RULES
from pytest_sessionguard.rules.judge import judge
from pytest_sessionguard.trace import Trace

Where = int | Site

LOCK = 1_000_001
OTHER_LOCK = 1_000_002


def app(line: int, function: str = "view") -> Site:
    """A line of the code under test."""
    return Site("app.py", line, function, "app")


def module(line: int) -> Site:
    """A line that runs while the app is imported."""
    return Site("db.py", line, "<module>", "app")


def in_test(line: int, function: str = "test_app") -> Site:
    """A line of the tests."""
    return Site("tests/test_app.py", line, function, "test")


@dataclass(frozen=True)
class Actor:
    """A strand doing the work of a worker; ``own`` tells that the worker ends with the strand.

    ``thread`` is what it runs on, where that matters.
    """

    strand: int
    worker: int
    kind: str
    clock: Clock = field(compare=False)
    function: str = "view"
    own: bool = False
    thread: int = 0


@dataclass(frozen=True)
class Operation:
    """An operation that has begun."""

    number: int
    session: int
    actor: Actor
    stack: ev.Stack


class TraceBuilder:
    """Writes down events as the guard would have noted them."""

    def __init__(self) -> None:
        self.events: list[ev.Event] = []
        self._tokens = itertools.count(1)
        self._epoch = Epoch()
        self._released: dict[int, Clock] = {}
        self.test = self._main()

    def _main(self) -> Actor:
        worker, strand = self._next(), self._next()
        self._note(ev.WorkerBegan(worker, "test", "tests/test_app.py::test_app", None, None))
        self._note(ev.StrandBegan(strand, "thread", "thread", None, worker, (), {}))
        return Actor(strand, worker, "test", Clock(strand, self._epoch))

    def _next(self) -> int:
        return next(self._tokens)

    def _note(self, event: ev.Event) -> None:
        self.events.append(event)

    @staticmethod
    def _stack(actor: Actor, at: Where) -> ev.Stack:
        return (at if isinstance(at, Site) else app(at, actor.function),)

    # -- workers and strands -------------------------------------------------------------

    def request(
        self, label: str = "GET /", on: Actor | None = None, inside_test_context: bool = False
    ) -> Actor:
        """A request on a strand (the test's own, as with a test client), or inside another worker."""
        return self._worker("request", label, on or self.test, inside_test_context)

    def context(self, on: Actor) -> Actor:
        """An application context that is pushed inside a request."""
        return self._worker("context", "app context", on)

    def _worker(self, kind: str, label: str, on: Actor, inside: bool = False) -> Actor:
        worker = self._next()
        self._note(ev.WorkerBegan(worker, kind, label, on.worker, None, inside))
        return replace(on, worker=worker, kind=kind, own=True)

    def end(self, *actors: Actor) -> None:
        """The workers of these actors have done their work."""
        for actor in actors:
            self._note(ev.WorkerEnded(actor.worker))

    def spawn(
        self,
        by: Actor | None = None,
        at: Where = 20,
        kind: str = "thread",
        label: str = "",
        given: int | None = None,
        thread: int = 0,
    ) -> Actor:
        """Start a strand at a line, perhaps with a session among its arguments, or on a thread.

        Inside a request it works for the request, else it is a worker of its own.
        """
        by = by or self.test
        strand, spawned = self._next(), self._stack(by, at)
        label = label or f"{kind}-{strand}"
        own = by.kind not in ("request", "context")
        worker = self._child(kind, label, by, spawned[0]) if own else by.worker
        clock = Clock(strand, self._epoch)
        clock.join(by.clock.export())
        self._note(ev.StrandBegan(strand, kind, label, by.strand, worker, spawned, clock.seen))
        if given is not None:
            self._note(ev.Handed(strand, given, spawned[0]))
        return Actor(strand, worker, kind if own else by.kind, clock, "work", own, thread)

    def _child(self, kind: str, label: str, by: Actor, site: Site) -> int:
        worker = self._next()
        self._note(ev.WorkerBegan(worker, kind, label, by.worker, site))
        return worker

    def unseen_strand(self, kind: str = "thread") -> Actor:
        """A strand whose start nobody saw, working for the test: a server's thread."""
        strand = self._next()
        self._note(ev.StrandBegan(strand, kind, kind, None, self.test.worker, (), {}))
        return Actor(strand, self.test.worker, "test", Clock(strand, self._epoch))

    def hop(self, by: Actor) -> Actor:
        """A pool thread goes on for ``by``, whose framework sent it there."""
        strand = self._next()
        clock = Clock(strand, self._epoch)
        clock.join(by.clock.export())
        self._note(ev.StrandBegan(strand, "job", "item", by.strand, by.worker, (), clock.seen))
        return replace(by, strand=strand, clock=clock, own=False)

    def join(self, by: Actor, *others: Actor) -> None:
        """``by`` waits for others to end."""
        for other in others:
            self.pass_on(other, by)
            self._note(ev.StrandEnded(other.strand))
            if other.own:
                self.end(other)

    def pass_on(self, giver: Actor, taker: Actor) -> None:
        """Order what ``giver`` has done before what ``taker`` does next (a queue, an event)."""
        taker.clock.join(giver.clock.export())

    def hand_under(self, giver: Actor, taker: Actor, lock: int = LOCK) -> None:
        """``giver`` releases a lock that ``taker`` takes afterwards."""
        released = self._released.setdefault(lock, Clock(lock, self._epoch))
        released.join(giver.clock.export())
        self._note(ev.LockTaken(lock, taker.strand, taker.worker, released.seen))

    # -- sessions and registries -----------------------------------------------------------

    def session(
        self,
        by: Actor | None = None,
        at: Where = 3,
        registry: int | None = None,
        shared_by_design: bool = False,
    ) -> int:
        """A Session; its line tells whether a module, a test or the app's functions made it."""
        by, token = by or self.test, self._next()
        stack = self._stack(by, at)
        origin = "import" if stack[0].function == "<module>" else stack[0].role
        self._note(
            ev.SessionMade(
                session=token, label="Session", stack=stack, strand=by.strand, worker=by.worker,
                registry=registry, bound=True, origin=origin, shared_by_design=shared_by_design,
                thread=by.thread,
            )
        )  # fmt: skip
        return token

    def publish(self, session: int, holder: str, at: Site | None = None) -> None:
        """A module, an object or a closure holds the session."""
        self._note(ev.Published(session, holder, at))

    def keep(self, number: int, session: int | None, holder: str, *at: Site) -> None:
        """The app keeps the instance that was asked for; at one of these lines it was stored."""
        self._note(ev.Kept(number, session, holder, at))

    def replaces(self, session: int, earlier: int, holder: str, *at: Site) -> None:
        """A request put its session where an earlier one's had been."""
        self._note(ev.Replaced(session, earlier, holder, at))

    def lasts(
        self,
        session: int,
        holder: str,
        *at: Site,
        by_name: bool = True,
        by_application: bool = False,
    ) -> None:
        """The app keeps the session under names; these lines store there, the last one outermost."""
        self._note(ev.Lasting(session, holder, by_name, at, at[-1:], by_application))

    def used_earlier(self, session: int, at: Where, locks: Iterable[int] = ()) -> None:
        """A request of an earlier test used it."""
        stack = self._stack(self.test, at)
        held = frozenset(locks)
        self._note(ev.UsedEarlier(session, self._next(), "GET /old", "execute", stack, held))

    def registry(self, at: Site | None = None) -> int:
        """A scoped_session, built at import unless the line says otherwise."""
        token, site = self._next(), at or module(5)
        origin = "test" if site.role == "test" else "app"
        self._note(ev.RegistryMade(token, (site,), "thread", origin))
        return token

    def look_up(
        self,
        by: Actor,
        registry: int,
        session: int,
        at: Where = 11,
        key: str = "thread",
        explicit: bool = False,
    ) -> None:
        """A strand gets the session from the registry; ``explicit``: it is given away."""
        stack = self._stack(by, at)
        self._note(
            ev.Looked(
                registry=registry, session=session, strand=by.strand, worker=by.worker,
                stack=stack, explicit=explicit, key=key,
            )
        )  # fmt: skip

    def scoped(
        self,
        by: Actor,
        registry: int,
        at: Where = 11,
        key: str = "thread",
        explicit: bool = False,
    ) -> int:
        """The registry's Session for this scope, made by the first lookup."""
        session = self.session(by, at, registry)
        self.look_up(by, registry, session, at, key, explicit)
        return session

    def remove(self, by: Actor, registry: int, session: int, at: Where = 18) -> None:
        """``scoped_session.remove()``: out of the registry, and closed."""
        stack = self._stack(by, at)
        self._note(ev.Removed(registry, session, by.strand, by.worker, stack))
        self.use(by, session, "close", at)

    # -- operations ------------------------------------------------------------------------

    def begin(
        self,
        by: Actor,
        session: int,
        action: str = "execute",
        at: Where = 12,
        via: str = "session",
        locks: Iterable[int] = (),
    ) -> Operation:
        """An operation begins."""
        number, stack = self._next(), self._stack(by, at)
        self._note(
            ev.Began(
                number=number, strand=by.strand, worker=by.worker, session=session, action=action,
                via=via, stack=stack, seen=by.clock.seen, locks=frozenset(locks), thread=by.thread,
            )
        )  # fmt: skip
        return Operation(number, session, by, stack)

    def finish(self, operation: Operation, leaves: str = "") -> Operation:
        """It ends, and leaves the session clean, ``open`` or ``dirty``."""
        self._note(ev.Ended(operation.number, operation.actor.clock.advance(), leaves))
        return operation

    def use(
        self,
        by: Actor,
        session: int,
        action: str = "execute",
        at: Where = 12,
        leaves: str = "",
        locks: Iterable[int] = (),
    ) -> Operation:
        """A whole operation."""
        return self.finish(self.begin(by, session, action, at, "session", locks), leaves)

    def touch(
        self, by: Actor, session: int, at: Where, action: str = "load", locks: Iterable[int] = ()
    ) -> Operation:
        """An attribute of one of the session's instances is loaded or changed."""
        return self.finish(self.begin(by, session, action, at, "instance", locks))

    def gone(self, session: int, function: Site, abandoned: Site | None = None) -> None:
        """The function that made and closed the session has returned."""
        self._note(ev.OwnerReturned(session, function, abandoned))

    def still_held(self, closing: Operation, task: Actor, at: Site | None) -> None:
        """While it was closed, a living task had the session among its locals."""
        by = closing.actor.strand
        self._note(ev.OwnerLeft(closing.session, closing.number, by, task.strand, at))

    # -- instances -------------------------------------------------------------------------

    def detach(
        self,
        by: Actor,
        session: int,
        at: Where = 16,
        action: str = "close",
        deep: Site | None = None,
    ) -> Operation:
        """An operation that takes instances out of their session; ``deep``: called from there."""
        operation = self.begin(by, session, action, at)
        stack = (*operation.stack, deep) if deep is not None else operation.stack
        self._note(ev.Detached(operation.number, session, by.strand, by.worker, stack))
        return self.finish(operation)

    def read_detached(
        self,
        by: Actor,
        detached: Operation | None,
        at: Where = 17,
        calls: Site | None = None,
    ) -> int:
        """``User.name`` raises DetachedInstanceError; ``calls`` is the line that called this one."""
        number, stack = self._next(), self._stack(by, at)
        self._note(
            ev.DetachedAccess(
                number=number, instance="User", attribute="name", strand=by.strand,
                worker=by.worker, stack=(*stack, calls) if calls is not None else stack,
                seen=by.clock.seen, session=detached.session if detached else None,
                detached=detached.number if detached else None,
            )
        )  # fmt: skip
        return number

    def set_detached(
        self, by: Actor, detached: Operation, given_to: Actor | None = None, at: Where = 33,
        given: int | None = None, loaded_anew: bool = False,
    ) -> int:  # fmt: skip
        """``user.name = ...`` by work that was given the detached instance, when it was started."""
        number, owner = self._next(), given_to or by
        spawned = next(
            event.spawned
            for event in self.events
            if isinstance(event, ev.StrandBegan) and event.strand == owner.strand
        )
        self._note(
            ev.LostChange(
                number, "User", "name", by.strand, by.worker, self._stack(by, at), detached.session,
                detached.number, owner.strand, owner.strand if given is None else given, spawned[0],
                loaded_anew,
            )
        )  # fmt: skip
        return number

    def recover(self, access: int) -> None:
        """What had been asked for in vain is put back into a session."""
        self._note(ev.Recovered(access))

    def attach(self, by: Actor, session: int, home: int, at: Where = 14) -> int:
        """SQLAlchemy refuses to add an instance of ``home`` to ``session``."""
        number, stack = self._next(), self._stack(by, at)
        self._note(ev.ForeignAttach(session, home, "User", by.strand, by.worker, stack, number))
        return number

    # -- connections -----------------------------------------------------------------------

    def pool(self, limit: int | None = 15, shared: bool = False) -> int:
        """A connection pool."""
        token = self._next()
        kind = "StaticPool" if shared else "QueuePool" if limit is not None else "NullPool"
        self._note(ev.PoolMade(token, kind, limit, shared))
        return token

    def check_out(self, by: Actor, pool: int, session: int | None, at: Where = 13) -> int:
        """A session takes a connection."""
        token = self._next()
        stack = self._stack(by, at)
        tick, seen = by.clock.tick + 1, by.clock.seen
        self._note(ev.CheckedOut(token, pool, session, by.strand, by.worker, stack, tick, seen))
        return token

    def check_in(self, connection: int, pool: int, by_collector: bool = False) -> None:
        """It comes back."""
        self._note(ev.CheckedIn(connection, pool, by_collector))

    def body_ended(self) -> None:
        """The test's body is done."""
        self._note(ev.BodyEnded())

    # -- rare things -----------------------------------------------------------------------

    def note(self, event: ev.Event) -> None:
        """Any other event."""
        self._note(event)

    # -- the verdict -----------------------------------------------------------------------

    def trace(self) -> Trace:
        """The trace so far."""
        return Trace(self.events)

    def check(self, code: str) -> list[Finding]:
        """What one rule says."""
        return list(RULES[code].check(self.trace()))

    def judge(self) -> list[Finding]:
        """What all rules together say; an innocent story makes this empty."""
        return judge(self.trace(), RULES.values())


def lines_of(finding: Finding) -> list[int]:
    """The innermost line of each side."""
    return [side.stack[0].line for side in finding.sides]


def workers_of(finding: Finding) -> list[str]:
    """Who the sides are."""
    return [side.worker for side in finding.sides]

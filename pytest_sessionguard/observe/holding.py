"""Who holds one of the user's locks, and what its releases pass on.

A lock that is held at every use excuses sharing. A lock that protects a pool of sessions is held
only while one is taken or given back; so what was done before a release is told to whoever takes
the lock next (``events.LockTaken``), and ``rules/handovers.py`` judges whether that was a
hand-over. It is no edge: two workers that take a lock now and then are not ordered by it.

A lock that another strand releases than took it is a baton, and orders as a semaphore does.
"""

from __future__ import annotations

from pytest_sessionguard import events as ev
from pytest_sessionguard.clocks import Clock
from pytest_sessionguard.observe.blocking import Held
from pytest_sessionguard.observe.recorder import Recorder
from pytest_sessionguard.observe.strand import Strand


class Holding:
    """What the guard knows of one lock.

    ``holders`` are the strands that took it, one entry for each time; ``released`` is what they
    had done when they let go of it, ``baton`` the same of those who had not taken it themselves.
    ``is_baton``: whoever holds it is not the only one who may let go of it.
    """

    __slots__ = ("_baton", "_holders", "_label", "_recorder", "_released", "is_baton", "token")

    def __init__(self, recorder: Recorder) -> None:
        self.token = recorder.next_token()
        self._recorder = recorder
        self._holders: list[Held] = []
        self.is_baton = False
        self._label = recorder.label("lock")
        self._released = Clock(self.token, recorder.epoch)
        self._baton = Clock(self.token, recorder.epoch)

    def ask(self) -> None:
        """The current strand wants the lock."""
        notes = self._recorder.notes()
        if notes is not None:
            notes.asks(self._label.name(self._recorder.epoch.number))

    def hold(self, alone: bool = True, hands_over: bool = True) -> None:
        """The current strand has taken the lock.

        Not ``alone``: with others in a semaphore. Not ``hands_over``: through a library, which may
        protect what it does with it, but is not for handing sessions over.
        """
        strand = self._recorder.strands.current()
        notes = self._recorder.notes()
        if notes is not None:
            notes.takes(self._label.name(self._recorder.epoch.number), alone)
        self._holders.append(self._held(strand))
        strand.clock.join(self._baton.export())
        if alone:
            strand.locks.append(self.token)
            if hands_over:
                self._tell(strand)

    def _held(self, strand: Strand) -> Held:
        """Who takes it; while workers take turns also where."""
        recorder = self._recorder
        stack = recorder.stack() if recorder.scheduler is not None else ()
        return Held(strand, recorder.strands.worker(strand), stack, "holds the lock")

    def held(self) -> list[Held] | None:
        """Who holds it now; None when others may let go of it too."""
        return None if self.is_baton else list(self._holders)

    def _tell(self, strand: Strand) -> None:
        """Note what the strand may have been handed under the lock, if it is news to it.

        Of a request it is noted as well when it first takes the lock, and after work of its own:
        whether it takes and gives back what it works with shows when it is the only one, too.
        """
        released, known, own = self._released.seen, strand.clock.seen, strand.token
        worker = self._recorder.strands.worker(strand)
        by_request = worker.kind == "request"
        now = (released, worker.token, strand.clock.tick) if by_request else (released, 0, 0)
        if strand.told.get(self.token) == now:
            return
        if by_request or any(known.get(o, 0) < tick for o, tick in released.items() if o != own):
            strand.told[self.token] = now
            self._recorder.trace.note(ev.LockTaken(self.token, own, worker.token, released))

    def drop(self, hands_on: bool = True) -> None:
        """The current strand releases the lock; what an operation does inside passes nothing on.

        Not ``hands_on``: a library does, and if it had not taken it, that is its own affair.
        """
        strand = self._recorder.strands.current()
        mine = [each for each in self._holders if each.strand is strand]
        own = bool(mine)
        if not own and not hands_on:
            return
        notes = self._recorder.notes()
        if notes is not None:
            notes.drops(self._label.name(self._recorder.epoch.number))
        if self._holders:
            gone = mine[-1] if own else self._holders[-1]
            self._holders.remove(gone)
            self.is_baton = self.is_baton or not own
            if self.token in gone.strand.locks:
                gone.strand.locks.remove(self.token)
        if not strand.internal and not strand.operations:
            (self._released if own else self._baton).join(strand.clock.export())

"""Which strand takes whose turns: the workers' own, their children's, and what goes on for them."""

from __future__ import annotations

from pytest_sessionguard.observe.strand import Strand, Worker
from pytest_sessionguard.observe.strands import Strands
from pytest_sessionguard.schedule.turns import Turns


class Lines:
    """The number in ``turns`` of each strand.

    A strand counts for the worker that started it, through the requests, threads and tasks in
    between. ``workers`` are the workers' own strands, ``acting`` who came last to a yield point
    under a number.
    """

    def __init__(self, strands: Strands, turns: Turns) -> None:
        self.workers: list[Strand] = []
        self.acting: dict[int, Strand] = {}
        self._strands = strands
        self._turns = turns
        self._roots: dict[int, int] = {}
        self._lines: dict[int, int] = {}
        self._owners: dict[int, Strand] = {}

    def begin(self, number: int, strand: Strand) -> None:
        """Worker ``number`` is this strand."""
        self._roots[strand.worker.token] = number
        self._lines[strand.token] = number
        self.acting[number] = strand
        self.workers.append(strand)

    def join(self, strand: Strand, parent: int, waits: bool = False) -> int:
        """A strand that ``parent`` has started gets a number of its own; see ``Turns.join``."""
        number = self._lines[strand.token] = self._turns.join(parent, waits)
        self._owners[number] = self.acting[number] = strand
        return number

    def known(self, strand: Strand) -> int | None:
        """Its number, if it has been asked for before."""
        return self._lines.get(strand.token)

    def of_child(self, strand: Strand) -> int | None:
        """Its number, if it has one to itself and is no worker."""
        number = self._lines.get(strand.token)
        return number if number is not None and self._owners.get(number) is strand else None

    def is_own(self, strand: Strand, number: int) -> bool:
        """Whether this is the strand in which worker ``number`` was started."""
        return number < len(self.workers) and self.workers[number] is strand

    def current(self) -> int | None:
        """The number of the current strand; None if it belongs to no worker."""
        return self.of(self._strands.current())

    def of(self, strand: Strand) -> int | None:
        """The number under which a strand takes turns; None if it belongs to no worker, or to a pool
        whose jobs are not seen: several at once would take the same turns.

        A task or greenlet of a worker has one of its own; what only goes on for another strand
        (a job of a pool, a portal's task, the task in which AsyncSession closes) has that one's.
        """
        number = self._lines.get(strand.token)
        if number is not None:
            return number
        root = self.root(self._strands.worker(strand))
        if root is None:
            return None
        if _is_pooled(strand):
            self._turns.turn.uncontrolled += 1
            return None
        parent = self.of(strand.parent) if strand.parent is not None else None
        if parent is None or self._turns.turn.states[parent].root != root:
            number = root
        elif _goes_on_for_another(strand):
            number = parent
        else:
            return self.join(strand, parent)
        self._lines[strand.token] = number
        return number

    def root(self, worker: Worker | None) -> int | None:
        """The number of the worker that a request, or whatever it started, belongs to."""
        while worker is not None:
            number = self._roots.get(worker.token)
            if number is not None:
                return number
            worker = worker.parent
        return None


def _is_pooled(strand: Strand | None) -> bool:
    return strand is not None and (strand.pooled or _is_pooled(strand.parent))


def _goes_on_for_another(strand: Strand) -> bool:
    """Whether whoever started a strand only waits for it: then it takes that one's turns."""
    parent = strand.parent
    if strand.kind == "task":  # a thread runs a loop, or AsyncSession closes in a task of its own
        kind = parent.kind if parent is not None else ""
        posted = kind == "callback" and not strand.own_work  # a portal's, from anyio 4.16 on
        driven = kind in ("thread", "greenlet") or posted
        return (
            driven or strand.internal or (not strand.own_work and strand.label.endswith(".close"))
        )
    return strand.kind != "greenlet" or strand.internal


def only_waits(strand: Strand) -> bool:
    """Whether a strand only waits for others, just now, and for no database."""
    if strand.kind == "greenlet":
        return True  # another one runs
    task = strand.task() if strand.task is not None else None
    if task is None:
        return strand.ended
    from pytest_sessionguard.backends.tasks import waits_for_another

    return waits_for_another(task)

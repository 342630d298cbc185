"""Those that nobody could let go on: who waits for whom, and where."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_sessionguard import events as ev
from pytest_sessionguard.findings import Side
from pytest_sessionguard.rules.blame import who
from pytest_sessionguard.trace import Trace

_REFUSED = frozenset({"database", "commit", "row", "stale"})
"""What a database refuses: an app may try again, and then nothing is wrong."""


def stuck(trace: Trace) -> Iterator[ev.Stuck]:
    """Every knot that the code under test did not get out of by itself.

    A wait whose own timeout the user has set is his to deal with, and so is a statement that is
    tried again after the database had refused it.
    """
    for at, event in enumerate(trace.events):
        if isinstance(event, ev.Stuck) and not _is_dealt_with(trace, event, at):
            yield event


def _is_dealt_with(trace: Trace, knot: ev.Stuck, at: int) -> bool:
    refused = next((each for each in knot.waiting if each.refused), None)
    if refused is None or refused.kind == "pool":
        return False
    return refused.kind not in _REFUSED or _is_tried_again(trace, refused, at)


def _is_tried_again(trace: Trace, refused: ev.Waiting, at: int) -> bool:
    return any(
        isinstance(event, ev.Statement)
        and event.worker == refused.worker
        and event.stack[:1] == refused.stack[:1]
        for event in trace.events[at + 1 :]
    )


def closing(knot: ev.Stuck) -> ev.Site | None:
    """The line to mend: the wait that closed the knot; or what was taken and never given back."""
    waiting = {each.worker for each in knot.waiting}
    holders = [held for each in knot.waiting for held in each.held]
    left = [held.stack[0] for held in holders if held.stack and held.worker not in waiting]
    if left and not any(held.worker in waiting for held in holders):
        return left[0]
    # A COMMIT that SQLite does not let through waits for whoever asks too much, and is not at fault.
    waits = sorted(knot.waiting, key=lambda each: each.kind != "commit")
    return next((each.stack[0] for each in reversed(waits) if each.stack), None)


def sides(trace: Trace, knot: ev.Stuck) -> list[Side]:
    """Every holder and every waiter, each once; what one holds stands before what it waits for."""
    found: list[Side] = []
    holds = [held for each in knot.waiting for held in each.held]
    order = [*(each.worker for each in knot.waiting), *(held.worker for held in holds)]
    for worker in dict.fromkeys(order):
        for held in holds:
            if held.worker == worker:
                found.append(Side(who(trace, held.strand, worker), held.what, held.stack))
        for each in knot.waiting:
            if each.worker == worker:
                name = who(trace, each.strand, worker)
                found.append(Side(name, f"waits for {each.what}", each.stack))
    return list(dict.fromkeys(found))


def sentence(trace: Trace, knot: ev.Stuck) -> str:
    """Who waits for what, and who has it."""
    return ", and ".join(_waits(trace, each) for each in knot.waiting)


def _waits(trace: Trace, each: ev.Waiting) -> str:
    name = who(trace, each.strand, each.worker)
    others = dict.fromkeys(who(trace, held.strand, held.worker) for held in each.held)
    by = ["it" if other == name else other for other in others]
    itself = " itself" if "it" in by else ""
    return f"{name} waits for {each.what} that {' and '.join(by)} {_verb(by)}{itself}"


def _verb(holders: list[str]) -> str:
    return "holds" if len(holders) == 1 else "hold"

"""SG601 deadlock: each waits for what another of them holds."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_sessionguard import events as ev
from pytest_sessionguard.findings import Finding, Rule, finding
from pytest_sessionguard.rules.stuck import closing, sentence, sides, stuck
from pytest_sessionguard.trace import Trace


def check(trace: Trace) -> Iterable[Finding]:
    """A knot of locks, transactions and rows; one with a connection pool in it is SG402's."""
    for knot in stuck(trace):
        site = closing(knot)
        if site is not None and not any(each.kind == "pool" for each in knot.waiting):
            yield finding(RULE, _message(trace, knot), site, sides(trace, knot))


def _message(trace: Trace, knot: ev.Stuck) -> str:
    first = knot.waiting[0]
    if first.kind == "stale":
        return (
            f"{sides(trace, knot)[0].worker} may not write any more: what its transaction has read "
            "was changed by another since"
        )
    return f"nobody can go on: {sentence(trace, knot)}"


RULE = Rule(
    code="SG601",
    name="deadlock",
    says="a cycle of locks, rows or connections",
    why=(
        "Each keeps what it has taken and waits for what the other keeps. In production both stand "
        "until a timeout ends one of them, or for ever. For a transaction that has read and then "
        "wants to write there is not even a timeout: SQLite says 'database is locked' at once."
    ),
    fix=(
        "Take what you need in the same order everywhere, or let go of the first before you ask for "
        "the second. On SQLite begin what will write with BEGIN IMMEDIATE, or write before you read."
    ),
    check=check,
)

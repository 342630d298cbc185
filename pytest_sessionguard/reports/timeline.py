"""The order of the workers as a picture: one line a step, one column a worker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

WIDTH = 98
LEAST = 24
"""The narrowest column."""

GAP = 2
MOST = 60
"""Lines of a picture; a longer one is cut in its middle."""


class Row(NamedTuple):
    """A step that a worker took: what it did, and ``place``, the line (may be empty)."""

    worker: int
    what: str
    place: str


def lines(rows: Sequence[Row], workers: int) -> Iterator[str]:
    """The picture, its head included; a switch from one column to another is a switch of workers."""
    column = max(LEAST, (WIDTH - GAP * (workers - 1)) // workers)
    heads = (f"worker {number}" for number in range(workers))
    yield _joined(head.ljust(column) for head in heads)
    for row in _cut(rows):
        if row is None:
            yield "..."
        else:
            yield " " * (row.worker * (column + GAP)) + _cell(row, column)


def _joined(cells: Iterator[str]) -> str:
    return (" " * GAP).join(cells).rstrip()


def _cell(row: Row, column: int) -> str:
    """What on the left and the place on the right; the end of a place says more than its start."""
    if not row.place:
        return row.what[:column]
    room = column - len(row.place) - 1
    if room < len(row.what):
        return f"{row.what} {row.place}" if room >= 0 else f"{row.what} {_tail(row, column)}"
    return f"{row.what:<{room}} {row.place}"


def _tail(row: Row, column: int) -> str:
    return row.place[-max(8, column - len(row.what) - 1) :]


def _cut(rows: Sequence[Row]) -> Iterator[Row | None]:
    if len(rows) <= MOST:
        yield from rows
        return
    yield from rows[: MOST // 2]
    yield None
    yield from rows[-(MOST // 2) :]

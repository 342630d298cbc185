"""Which execution of a search the user hears of, and what its report says besides."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import pytest

from pytest_sessionguard import rerun
from pytest_sessionguard.backends.conductor import Row
from pytest_sessionguard.concurrency import MARKER
from pytest_sessionguard.findings import Finding
from pytest_sessionguard.reports import timeline
from pytest_sessionguard.reports.terminal import FindingRepr
from pytest_sessionguard.reports.text import place, replay_command
from pytest_sessionguard.schedule import shrink, strategies
from pytest_sessionguard.schedule.strategy import Execution, Schedule
from pytest_sessionguard.search import Search

SHRINK = 60
"""Executions, at most, in which a simpler order that fails alike is looked for."""

FEWER = 10
"""Executions, at most, for each smaller number of workers."""

COMPUTING, WAITING = 5.0, 15.0
"""Seconds of CPU time and of any time after which no more of them are begun.

A loaded machine makes the latter pass, and is no reason to tell a longer story.
"""

ORDER = "sessionguard: the order of the workers"
SERIAL = ", in which the workers ran one after the other: their order is not the reason"
NOT_AGAIN = (
    "the same order did not fail again when it was repeated: something besides the order of the "
    "workers decides, like the time, random numbers, or what an earlier execution has left behind"
)


class Shown(NamedTuple):
    """How much an execution shows; more is better.

    ``damaged`` when a fault did harm, and was not only there to be seen.
    """

    outcome: int
    damaged: bool
    findings: frozenset[str]

    def rank(self) -> tuple[int, bool, int]:
        """What to compare."""
        return self.outcome, self.damaged, len(self.findings)

    def holds(self, other: Shown) -> bool:
        """Whether everything that ``other`` shows is seen here too."""
        same = self.outcome == other.outcome and self.damaged >= other.damaged
        return same and self.findings >= other.findings


class Told(NamedTuple):
    """An execution that may be told, with its reports and the findings known after it."""

    shown: Shown
    reports: list[pytest.TestReport]
    memory: tuple[set[str], dict[str, Finding]]
    execution: Execution
    seconds: float


Run = Callable[[Schedule], Told]


def simplest(search: Search, best: Told, run: Run) -> Told:
    """A failing execution again, with fewer workers and in a simpler order if that shows the same."""
    search.told = True
    if best.seconds > WAITING / 2 or not search.parts:
        return best
    computed, waited = time.process_time() + COMPUTING, time.monotonic() + WAITING
    best = _with_fewer_workers(search, best, run)
    shrinking = shrink.shrinking(best.execution, [()] if search.passes_serially else [])
    repeat = run(next(shrinking))
    if not repeat.shown.holds(best.shown):
        _add(best.reports, NOT_AGAIN)
        return best
    best, told = repeat, repeat
    for _ in range(SHRINK):
        schedule = _sent(shrinking, told.execution if told.shown.holds(best.shown) else None)
        if schedule is None or time.process_time() > computed or time.monotonic() > waited:
            break
        told = run(schedule)
        if told.shown.holds(best.shown) and shrink.cost(told.execution) < shrink.cost(
            best.execution
        ):
            best = told
    return best


def _with_fewer_workers(search: Search, best: Told, run: Run) -> Told:
    """Only a marked body can run in fewer: what ``concurrently`` returns would not be the same."""
    asked = search.chosen
    if search.item.get_closest_marker(MARKER) is None:
        return best
    for workers in range(2, asked.workers):
        search.chosen = replace(asked, workers=workers)
        strategy = strategies.make("bounded", asked.seed, asked.preemptions)
        for _ in range(FEWER):
            schedule = strategy.next()
            if schedule is None:
                break
            told = run(schedule)
            strategy.ran(told.execution)
            if told.shown.holds(best.shown):
                return told
    search.chosen = asked
    return best


def _sent(shrinking: shrink.Shrinking, seen: Execution | None) -> Schedule | None:
    try:
        return shrinking.send(seen)
    except StopIteration:
        return None


def add_order(search: Search, reports: list[pytest.TestReport]) -> None:
    """Tell below a failure in which order of the workers it came, and how to repeat it."""
    failed = [report for report in reports if rerun.has_failed(report)]
    token = search.token() if failed else None
    if token is None:
        return
    for report in failed:
        if not isinstance(report.longrepr, FindingRepr):  # findings tell this themselves
            report.sections.append(("sessionguard", _account(search, token)))
        picture = list(_picture(search))
        if picture:
            report.sections.append((ORDER, "\n".join(picture)))


def _add(reports: list[pytest.TestReport], text: str) -> None:
    for report in reports:
        if rerun.has_failed(report):
            report.sections.append(("sessionguard", text))


def _account(search: Search, token: str) -> str:
    serial = SERIAL if search.execution().is_serial else ""
    lines = [f"failed in execution {search.first_finding or search.executions + 1}{serial}"]
    for each in search.preempted():
        lines.append(f"worker {each.worker} lost its turn before {each.name}: {place(each.site)}")
    return "\n".join([*lines, f"replay: {replay_command(token)}"])


def _picture(search: Search) -> list[str]:
    """The steps of each concurrent part. An operation's end is a step too, but says nothing."""
    lines: list[str] = []
    for part in search.parts:
        rows = [_row(row) for row in part.rows if row.name != "done"]
        if rows:
            lines += (
                ["", *timeline.lines(rows, part.workers)]
                if lines
                else timeline.lines(rows, part.workers)
            )
    return lines


def _row(row: Row) -> timeline.Row:
    what = f"waits for {row.name}" if row.waits else row.name
    return timeline.Row(row.worker, what, f"{row.site.path}:{row.site.line}" if row.site else "")

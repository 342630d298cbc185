"""One test's search: what is known of it from one execution to the next."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from pytest_sessionguard import together
from pytest_sessionguard.backends.conductor import Preempted
from pytest_sessionguard.concurrency import Concurrency
from pytest_sessionguard.events import DetachedAccess
from pytest_sessionguard.findings import Finding, Related
from pytest_sessionguard.isolate.databases import Databases
from pytest_sessionguard.pending import Pending
from pytest_sessionguard.schedule import token as tokens
from pytest_sessionguard.schedule.races import class_of
from pytest_sessionguard.schedule.strategy import (
    Base,
    Execution,
    Schedule,
    Segment,
    Strategy,
    goes_on,
)
from pytest_sessionguard.schedule.token import Token
from pytest_sessionguard.schedule.turn import Beyond
from pytest_sessionguard.trace import Trace

ALONE = ("SG301", "SG302")
"""Rules whose findings do not hang on the order of the workers."""

SHARING = ("SG101", "SG102", "SG103", "SG202", "SG303")
"""Rules whose findings may be the doing of a test that hands one Session to its workers."""

BY_THE_TEST = (
    "The test gives one Session to several workers, as threads would share any fixture. If the app "
    "never does that, give each worker its own: ask for isolated_session, or make it inside the "
    "function that concurrently runs. Otherwise: "
)

UNCONTROLLED = "uncontrolled waits"
"""A worker waited for something that the guard does not know, so others went on by the clock."""


@dataclass
class Search:
    """One test's search. ``schedule`` is the one of the current execution.

    ``told`` when the user may be shown this execution: its steps are noted with their lines.
    ``guided`` while the strategy chooses beyond the schedule.
    """

    item: pytest.Item
    chosen: Concurrency
    databases: Databases
    ordering: together.Ordering
    strategy: Strategy
    backend: str = ""
    workers: int = 0
    schedule: Schedule = ()
    parts: list[together.Part] = field(default_factory=list)
    pending: list[Pending] = field(default_factory=list)
    executions: int = 0
    first_finding: int | None = None
    passes_serially: bool = False
    saved: bool = False
    widened: bool = False
    told: bool = False
    guided: bool = True
    classes: set[int] = field(default_factory=set)
    uncontrolled: int = 0

    def schedule_left(self) -> Schedule:
        """The choices that the parts until now have not used."""
        return self.schedule[sum(len(part.execution.decisions) for part in self.parts) :]

    def execution(self) -> Execution:
        """The current execution, of all its concurrent parts."""
        if len(self.parts) == 1:  # its numbers are those of the whole
            return self.parts[0].execution._replace(schedule=self.schedule)
        steps = tuple(step for part in self.parts for step in part.execution.steps)
        decisions = tuple(each for part in self.parts for each in part.execution.decisions)
        uncontrolled = sum(part.execution.uncontrolled for part in self.parts)
        segments: tuple[Segment, ...] = ()
        for part, base in zip(self.parts, bases(self.parts), strict=False):
            segments += tuple(segment.after(base) for segment in part.execution.segments)
        renamed = any(part.execution.renamed for part in self.parts)
        return Execution(self.schedule, steps, decisions, uncontrolled, segments, renamed)

    def beyond(self) -> Beyond:
        """What chooses where the schedule has ended, in the next concurrent part."""
        base = bases(self.parts)[-1]
        return functools.partial(self.strategy.beyond if self.guided else goes_on, base)

    def count(self, execution: Execution) -> None:
        """Tell the strategy what came of the schedule that it gave out."""
        self.executions += 1
        self.strategy.ran(execution)
        if execution.renamed:
            self.classes.clear()
        bound = self.strategy.preemptions
        if bound is None or sum(each.is_preemption for each in execution.decisions) <= bound:
            self.classes.add(class_of(execution.segments))
        self.uncontrolled += execution.uncontrolled

    def token(self) -> str | None:
        """The replay token of the current execution; None if nothing ran concurrently."""
        if not self.parts:
            return None
        execution = self.execution()
        test = tokens.digest(self.item.nodeid)
        workers = max(part.workers for part in self.parts)
        return tokens.encode(Token(test, self.backend, workers, execution.choices, execution.steps))

    def preempted(self) -> list[Preempted]:
        """Where a turn was taken away in the current execution."""
        return [each for part in self.parts for each in part.preempted]

    @property
    def cut(self) -> str | None:
        """What cut the search; None when nothing did, or when a finding ended it."""
        if self.first_finding is not None:
            return None
        if self.uncontrolled:
            return UNCONTROLLED
        coverage = self.strategy.coverage()
        if coverage.exhausted:
            return coverage.cut
        return "schedules" if self.executions >= self.chosen.schedules else "outcome"

    def entry(self) -> dict[str, Any]:
        """The entry in the report's ``searches``."""
        return {
            "test": self.item.nodeid,
            "backend": self.backend,
            "workers": self.workers,
            "strategy": self.strategy.name,
            "executions": self.executions,
            "classes": len(self.classes),
            "estimate": self.strategy.coverage().estimate if self.cut == "schedules" else None,
            "preemptions": self.strategy.preemptions,
            "complete": self.cut is None and self.first_finding is None,
            "cut": self.cut,
            "first_finding": self.first_finding,
        }


def bases(parts: list[together.Part]) -> list[Base]:
    """What each part comes after, and what one after them all would."""
    found = [Base()]
    for part in parts:
        before = found[-1]
        numbers = (segment.worker + 1 for segment in part.execution.segments)
        workers, decisions = max(part.workers, *numbers, 0), len(part.execution.decisions)
        found.append(Base(before.part + 1, before.workers + workers, before.decisions + decisions))
    return found


def told(finding: Finding, token: str, search: Search, trace: Trace) -> Finding:
    """A finding with what the current execution adds: its token, the damage, the switch."""
    if finding.code in ALONE:
        return replace(finding, replay=token)
    lines = [
        Related(f"worker {each.worker} lost its turn before {each.name}", each.site)
        for each in search.preempted()
    ]
    for access in trace.of(DetachedAccess):
        if access.stack:
            what = f"DetachedInstanceError met here, for {access.instance}.{access.attribute}"
            lines.append(Related(what, access.stack[0]))
            break
    by_the_test = finding.code in SHARING and finding.site.role == "test"
    fix = BY_THE_TEST + finding.fix if by_the_test else finding.fix
    return replace(finding, related=(*finding.related, *lines), replay=token, fix=fix)

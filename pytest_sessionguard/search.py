"""One test's search: what is known of it from one execution to the next."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from pytest_sessionguard import together
from pytest_sessionguard.backends.conductor import Preempted
from pytest_sessionguard.concurrency import FIXTURE, MARKER, Concurrency
from pytest_sessionguard.events import DetachedAccess
from pytest_sessionguard.findings import Finding, Related
from pytest_sessionguard.isolate.databases import Databases
from pytest_sessionguard.pending import Pending
from pytest_sessionguard.schedule import token as tokens
from pytest_sessionguard.schedule.strategy import Execution, Schedule, Strategy
from pytest_sessionguard.schedule.token import Token
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

SHOWN = "sessionguard_search"
"""The attribute of a test report that carries the search to the process that reports."""


@dataclass
class Search:
    """One test's search. ``schedule`` is the one of the current execution.

    ``told`` when the user may be shown this execution: its steps are noted with their lines.
    """

    item: pytest.Item
    chosen: Concurrency
    databases: Databases
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

    def schedule_left(self) -> Schedule:
        """The choices that the parts until now have not used."""
        return self.schedule[sum(len(part.execution.decisions) for part in self.parts) :]

    def execution(self) -> Execution:
        """The current execution, of all its concurrent parts."""
        steps = tuple(step for part in self.parts for step in part.execution.steps)
        decisions = tuple(each for part in self.parts for each in part.execution.decisions)
        uncontrolled = sum(part.execution.uncontrolled for part in self.parts)
        return Execution(self.schedule, steps, decisions, uncontrolled)

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

    def entry(self) -> dict[str, Any]:
        """The entry in the report's ``searches``."""
        return {
            "test": self.item.nodeid,
            "backend": self.backend,
            "workers": self.workers,
            "strategy": self.strategy.name,
            "executions": self.executions,
            "complete": self.strategy.complete and self.first_finding is None,
            "first_finding": self.first_finding,
        }


def concurrency_of(item: pytest.Item, default: Concurrency) -> Concurrency | None:
    """What the test asks for; None when it is an ordinary one. Raises ValueError."""
    marker = item.get_closest_marker(MARKER)
    if marker is not None:
        return default.marked(marker.args, marker.kwargs)
    return default if FIXTURE in getattr(item, "fixturenames", ()) else None


SEARCH: pytest.StashKey[Search] = pytest.StashKey()
"""The search that a test is part of, while it runs."""


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

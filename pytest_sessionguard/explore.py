"""The search of one test: executions, one after the other, until one fails or none is left.

Every execution is a whole run of the test, its function-scoped fixtures afresh; fixtures of wider
scope are set up once. pytest hears of one run only: the one that failed, else the last.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from _pytest.runner import runtestprotocol

from pytest_sessionguard import parts, rerun, telling, together, tracebacks
from pytest_sessionguard.concurrency import MARKER, Concurrency
from pytest_sessionguard.events import BodyFailed, DetachedAccess
from pytest_sessionguard.findings import Finding
from pytest_sessionguard.isolate.databases import Databases, NotIsolated
from pytest_sessionguard.pending import NOT_AWAITED
from pytest_sessionguard.reports import progress
from pytest_sessionguard.schedule import replay, strategies
from pytest_sessionguard.schedule.replay import Replay
from pytest_sessionguard.schedule.strategy import Schedule, Strategy
from pytest_sessionguard.search import Search, told
from pytest_sessionguard.searched import ASKED_FOR_LATE, SEARCH, SHOWN
from pytest_sessionguard.telling import Shown, Told, simplest

if TYPE_CHECKING:
    from pytest_sessionguard.run import Run

CONFIRM = 10
"""Executions, counted from the first, among which one is looked for that shows the damage too."""

NEVER_CALLED = (
    "sessionguard: {test} asks for concurrently and never calls it, so nothing was searched"
)

_RUN_LOOPS = ("pytest_asyncio.", "anyio.")
"""Their own fixtures are of wider scope, come late, and write to no database."""


class Fresh(NamedTuple):
    """What was known before the first execution: of findings, and of the test."""

    memory: Any
    kept: rerun.Kept


class Explorer:
    """pytest's hooks for the tests that are searched."""

    def __init__(self, run: Run) -> None:
        self.run = run

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> Any:
        """Run a test as often as its search wants."""
        chosen = self.run.concurrency_of(item)
        if chosen is None:
            return None
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        began = time.perf_counter()
        reports = self._search(item, nextitem, chosen)
        rerun.lasted(reports, time.perf_counter() - began)
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(
        self, fixturedef: Any, request: pytest.FixtureRequest
    ) -> Generator[None, object, object]:
        """Save the databases before the first fixture that each execution sets up afresh."""
        if isinstance(request.node, pytest.Item):  # class scope outside of a class is its scope too
            self._save(request.node)
        elif not fixturedef.func.__module__.startswith(_RUN_LOOPS):
            self._widen(request)
        return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """The body of a marked test runs in all its workers."""
        self._save(item)
        search = item.stash.get(SEARCH, None)
        if search is None:
            return (yield)
        plain = item.obj  # type: ignore[attr-defined]
        marked = item.get_closest_marker(MARKER) is not None
        if marked:
            item.obj = parts.in_workers(self._part_of(search), plain)  # type: ignore[attr-defined]
        try:
            result = yield
        except BaseException:
            search.databases.roll_back_left_open()  # the fixtures that go down now may need the lock
            raise
        finally:
            item.obj = plain  # type: ignore[attr-defined]
        if not marked and not all(pending.begun for pending in search.pending):
            pytest.fail(NOT_AWAITED, pytrace=False)
        return result

    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        """Show the user's frames only, where the guard has run the body."""
        if SEARCH not in item.stash:
            return
        if call.excinfo is not None and not item.config.getoption("fulltrace", False):
            call.excinfo = tracebacks.cleaned(call.excinfo)

    def _save(self, item: Any) -> None:
        search = item.stash.get(SEARCH, None)
        if search is not None and not search.saved:
            search.saved = True
            search.databases.save()

    def _widen(self, request: pytest.FixtureRequest) -> None:
        """A fixture of wider scope comes late: a function-scoped one has asked for it just now.

        What it writes must stay, since it is not set up again; so this execution is not put back,
        and the next one begins by saving.
        """
        search = request._pyfuncitem.stash.get(SEARCH, None)
        if search is not None and search.saved:
            search.widened = True

    # -- the search --------------------------------------------------------------------------

    def _search(
        self, item: pytest.Item, nextitem: pytest.Item | None, chosen: Concurrency
    ) -> list[pytest.TestReport]:
        guard = self.run.guard
        connections = guard.observers.connections
        databases = Databases(guard.recorder, connections.engines)
        ordering = together.Ordering(guard.recorder, databases, connections.slots)
        search = Search(item, chosen, databases, ordering, self._strategy(chosen))
        token = self.run.settings.replay
        if token is not None and item.get_closest_marker(MARKER) is not None:
            search.chosen = replace(chosen, workers=token.workers)  # it may be told with fewer
        search.passes_serially = token is not None and bool(token.schedule)
        search.told = token is not None
        item.stash[SEARCH] = search
        databases.begin()
        try:
            reports = self._executions(search)
        except BaseException:  # an interrupt: what was saved is put back all the same
            with contextlib.suppress(NotIsolated):
                databases.put_back()
            raise
        finally:
            ordering.end()
            databases.end()
            del item.stash[SEARCH]
        self.run.begin(item)
        last = rerun.tear_down_to(item, nextitem)
        if last.failed:
            kept = reports if reports[-1].failed else reports[:-1]
            reports = [*kept, last]
        if search.executions > 1:
            self.run.not_put_back(databases.others())
        if search.backend:
            setattr(reports[-1], SHOWN, search.entry())
        elif rerun.outcome(reports) == rerun.PASSED:
            self.run.notes.append(NEVER_CALLED.format(test=item.nodeid))
        return reports

    def _strategy(self, chosen: Concurrency) -> Strategy:
        token = self.run.settings.replay
        if token is not None:
            return Replay(token.schedule)
        return strategies.make(chosen.strategy, chosen.seed, chosen.preemptions)

    def _executions(self, search: Search) -> list[pytest.TestReport]:
        """Run schedules until the search is over; the reports to tell.

        Told is the first execution that fails, or rather one of the next few that shows more: an
        error that the fault leads to says more than its being there. Then its order is made simpler.
        """
        fresh = Fresh(self.run.remember(), rerun.Kept(search.item))
        best: Told | None = None
        shown = progress.of(search.item.config)
        while (schedule := search.strategy.next()) is not None:
            told = self._fresh(search, schedule, fresh)
            search.count(told.execution)
            outcome = told.shown.outcome
            if told.execution.is_serial and outcome == rerun.PASSED:
                search.passes_serially = True
            if outcome == rerun.FAILED and search.first_finding is None:
                search.first_finding = search.executions
            if best is None or told.shown.rank() > best.shown.rank():
                best = told
            most = min(search.chosen.schedules, CONFIRM if search.first_finding else sys.maxsize)
            shown.tell(search.executions, search.first_finding is not None)
            ended = told.shown.damaged or not _is_to_go_on(search, told.reports)
            if ended or search.executions >= most:
                break
        shown.clear()
        search.guided = False
        if best is None:
            return []
        if search.first_finding is not None and not search.told:
            best = simplest(search, best, lambda schedule: self._fresh(search, schedule, fresh))
        self.run.recall(best.memory)
        return best.reports

    def _fresh(self, search: Search, schedule: Schedule, fresh: Fresh) -> Told:
        """One execution, of which nothing is known from those before."""
        self.run.recall(fresh.memory)
        fresh.kept.restore(search.item)
        began = time.monotonic()
        reports = self._execute(search, schedule)
        shown = self._shown(search, reports)
        seconds = time.monotonic() - began
        return Told(shown, reports, self.run.remember(), search.execution(), seconds)

    def _shown(self, search: Search, reports: list[pytest.TestReport]) -> Shown:
        outcome = rerun.outcome(reports)
        return Shown(outcome, self._is_damaged(search, reports), self.run.fingerprints(reports))

    def _execute(self, search: Search, schedule: Schedule) -> list[pytest.TestReport]:
        item = search.item
        parent: Any = item.parent  # everything above the test stays set up
        search.schedule, search.parts, search.pending = schedule, [], []
        self.run.begin(item)
        reports = runtestprotocol(item, nextitem=parent, log=False)
        telling.add_order(search, reports)
        token = self.run.settings.replay
        drift = token and replay.drift(token.steps, search.execution().steps)
        if drift is not None:
            rerun.fail(reports, replay.told(drift))
        self._put_back(search, reports)
        return reports

    def _put_back(self, search: Search, reports: list[pytest.TestReport]) -> None:
        if search.widened:
            search.widened = search.saved = False
            search.databases.forget()
            return
        try:
            search.databases.put_back()
        except NotIsolated as error:
            rerun.fail(reports, f"sessionguard: {error}")

    def _is_damaged(self, search: Search, reports: list[pytest.TestReport]) -> bool:
        """Whether a fault did harm in this execution, and was not only there to be seen."""
        if not search.parts:
            return False
        body_failed = any(rerun.is_own_failure(report) for report in reports)
        trace = self.run.guard.recorder.trace
        found = rerun.outcome(reports) == rerun.FAILED
        return body_failed or (found and any(True for _ in trace.of(DetachedAccess)))

    def concurrently(
        self, item: pytest.Item, functions: tuple[Callable[..., Any], ...], workers: int | None
    ) -> Any:
        """What the fixture does. Raises ``pytest.UsageError`` when it is called in a wrong way."""
        __tracebackhide__ = True
        search = item.stash.get(SEARCH, None)
        if search is None:
            raise pytest.UsageError(ASKED_FOR_LATE)
        return parts.concurrently(self._part_of(search), functions, workers)

    def _part_of(self, search: Search) -> parts.Place:
        token = self.run.settings.replay
        return parts.Place(search, self.run.guard.recorder, token)

    def is_searching(self, item: pytest.Item) -> bool:
        """Whether this run of the test is one execution of a search, with a part in workers."""
        return bool(item.stash[SEARCH].parts)

    def body_failed(self, item: pytest.Item, error: BaseException) -> None:
        """Note that the body failed by itself in this execution, and whether it passes serially."""
        search = item.stash.get(SEARCH, None)
        if search is None or not search.parts or not isinstance(error, Exception):
            return
        recorder = self.run.guard.recorder
        site = recorder.shielded(tracebacks.raised_at, error, recorder.frames)
        event = BodyFailed(type(error).__name__, site, passes_serially=search.passes_serially)
        recorder.shielded(recorder.trace.note, event)

    # -- findings ------------------------------------------------------------------------------

    def told(self, item: pytest.Item, finding: Finding) -> Finding:
        """A finding with what the current execution adds: its token, the damage, the switch."""
        search = item.stash.get(SEARCH, None)
        token = search.token() if search is not None else None
        if search is None or token is None:
            return finding
        return told(finding, token, search, self.run.guard.recorder.trace)


def _is_to_go_on(search: Search, reports: list[pytest.TestReport]) -> bool:
    """Not after a skip, an expected failure, or a test without a concurrent part."""
    went_on = not any(report.skipped for report in reports)
    return bool(search.parts) and went_on and not any(map(rerun.is_own_failure, reports))

"""The search of one test: executions, one after the other, until one fails or none is left.

Every execution is a whole run of the test, its function-scoped fixtures afresh; fixtures of wider
scope are set up once. pytest hears of one run only: the one that failed, else the last.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Generator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.runner import runtestprotocol

from pytest_sessionguard import clients, rerun, together, tracebacks
from pytest_sessionguard.backends import backend as backends
from pytest_sessionguard.backends.conductor import Preempted
from pytest_sessionguard.concurrency import FIXTURE, MARKER, Concurrency, takes_number
from pytest_sessionguard.events import DetachedAccess, Stack
from pytest_sessionguard.findings import Finding, Related
from pytest_sessionguard.isolate.databases import Databases, NotIsolated
from pytest_sessionguard.reports.terminal import FindingRepr
from pytest_sessionguard.reports.text import place, replay_command
from pytest_sessionguard.schedule import token as tokens
from pytest_sessionguard.schedule.bounded import Bounded
from pytest_sessionguard.schedule.replay import Drift, Replay
from pytest_sessionguard.schedule.strategy import Execution, Schedule, Step, Strategy
from pytest_sessionguard.schedule.token import Token

if TYPE_CHECKING:
    from pytest_sessionguard.run import Run

_SEARCH: pytest.StashKey[Search] = pytest.StashKey()
"""The search that a test is part of, while it runs."""

SHOWN = "sessionguard_search"
"""The attribute of a test report that carries the search to the process that reports."""

CONFIRM = 10
"""Executions, counted from the first, among which one is looked for that shows the damage too."""


@dataclass
class Search:
    """One test's search. ``schedule`` is the one of the current execution, of which ``used``
    decisions have been made."""

    item: pytest.Item
    chosen: Concurrency
    databases: Databases
    strategy: Strategy
    backend: str = ""
    workers: int = 0
    schedule: Schedule = ()
    parts: list[together.Part] = field(default_factory=list)
    executions: int = 0
    first_finding: int | None = None
    saved: bool = False

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
        return tokens.encode(
            Token(test, self.backend, self.workers, execution.choices, execution.steps)
        )

    def preempted(self) -> list[Preempted]:
        """Where a turn was taken away in the current execution."""
        return [each for part in self.parts for each in part.preempted]

    def told(self) -> dict[str, Any]:
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
        for report in self._search(item, nextitem, chosen):
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
        return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """The body of a marked test runs in all its workers."""
        self._save(item)
        search = item.stash.get(_SEARCH, None)
        if search is None or item.get_closest_marker(MARKER) is None:
            return (yield)
        plain = item.obj  # type: ignore[attr-defined]
        item.obj = self._in_workers(search, plain)  # type: ignore[attr-defined]
        try:
            return (yield)
        finally:
            item.obj = plain  # type: ignore[attr-defined]

    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        """Show the user's frames only, where the guard has run the body."""
        if _SEARCH not in item.stash:
            return
        if call.excinfo is not None and not item.config.getoption("fulltrace", False):
            call.excinfo = tracebacks.cleaned(call.excinfo)

    def _save(self, item: Any) -> None:
        search = item.stash.get(_SEARCH, None)
        if search is not None and not search.saved:
            search.saved = True
            search.databases.save()

    # -- the search --------------------------------------------------------------------------

    def _search(
        self, item: pytest.Item, nextitem: pytest.Item | None, chosen: Concurrency
    ) -> list[pytest.TestReport]:
        guard = self.run.guard
        databases = Databases(guard.recorder, guard.observers.connections.engines)
        search = Search(item, chosen, databases, self._strategy(chosen))
        item.stash[_SEARCH] = search
        databases.begin()
        try:
            reports = self._executions(search)
        finally:
            databases.end()
            del item.stash[_SEARCH]
        self.run.begin(item)
        last = _tear_down_to(item, nextitem)
        if last.failed:
            reports = [*reports[:-1], last]
        if search.backend:
            setattr(reports[-1], SHOWN, search.told())
        return reports

    def _strategy(self, chosen: Concurrency) -> Strategy:
        token = self.run.settings.replay
        if token is not None:
            return Replay(token.schedule, token.steps)
        return Bounded(chosen.preemptions)

    def _executions(self, search: Search) -> list[pytest.TestReport]:
        """Run schedules until the search is over; the reports to tell.

        Told is the first execution that fails, and rather one of the next few that shows more: an
        error that the fault leads to says more than its being there.
        """
        memory = kept = self.run.remember()
        telling: list[pytest.TestReport] = []
        most_shown = (rerun.PASSED, False, -1)
        afresh = rerun.Kept(search.item)
        while (schedule := search.strategy.next()) is not None:
            self.run.recall(memory)
            afresh.restore(search.item)
            reports = self._execute(search, schedule)
            damaged = self._is_damaged(search, reports)
            outcome = rerun.outcome(reports)
            if outcome == rerun.FAILED and search.first_finding is None:
                search.first_finding = search.executions
            shown = (outcome, damaged, self.run.findings_in(reports))
            if shown > most_shown:
                most_shown, telling, kept = shown, reports, self.run.remember()
            most = min(search.chosen.schedules, CONFIRM if search.first_finding else sys.maxsize)
            if damaged or not _is_to_go_on(search, reports) or search.executions >= most:
                break
        self.run.recall(kept)
        return telling

    def _execute(self, search: Search, schedule: Schedule) -> list[pytest.TestReport]:
        item = search.item
        parent: Any = item.parent  # everything above the test stays set up
        search.schedule, search.parts = schedule, []
        self.run.begin(item)
        reports = runtestprotocol(item, nextitem=parent, log=False)
        search.executions += 1
        search.strategy.ran(search.execution())
        _add_replay(search, reports)
        if isinstance(search.strategy, Replay) and search.strategy.drift is not None:
            _fail(reports, _drifted(search.strategy.drift))
        try:
            search.databases.put_back()
        except NotIsolated as error:
            _fail(reports, f"sessionguard: {error}")
        return reports

    def _is_damaged(self, search: Search, reports: list[pytest.TestReport]) -> bool:
        """Whether a fault did harm in this execution, and was not only there to be seen."""
        if not search.parts:
            return False
        body_failed = any(_is_own_failure(report) for report in reports)
        trace = self.run.guard.recorder.trace
        found = rerun.outcome(reports) == rerun.FAILED
        return body_failed or (found and any(True for _ in trace.of(DetachedAccess)))

    # -- the concurrent part -------------------------------------------------------------------

    def _in_workers(self, search: Search, plain: Callable[..., Any]) -> Callable[..., Any]:
        """The body of a marked test, as a function that runs it in all its workers."""

        @functools.wraps(plain)
        def body(**arguments: Any) -> None:
            if inspect.iscoroutinefunction(plain):
                pytest.fail(NO_ASYNC, pytrace=False)
            jobs = [_job(search.item, plain, arguments) for _ in range(search.chosen.workers)]
            self._run(search, jobs, _definition(self.run, plain), alike=True)

        return body

    def concurrently(
        self, item: pytest.Item, functions: tuple[Callable[..., Any], ...], workers: int | None
    ) -> list[Any]:
        """What the fixture does. Raises ``pytest.UsageError`` when it is called in a wrong way."""
        search = item.stash.get(_SEARCH, None)
        if search is None:
            raise pytest.UsageError(
                "concurrently: name it among the arguments of the test; a test that asks for it "
                "with getfixturevalue() cannot be run again for each schedule"
            )
        if self.run.guard.recorder.scheduler is not None:
            raise pytest.UsageError("concurrently: a worker cannot start workers of its own")
        works = _each(functions, workers, search.chosen.workers)
        jobs = [together.Job(work, [work]) for work in works]
        alike = len(functions) == 1 and not takes_number(functions[0])
        results = self._run(search, jobs, self.run.guard.recorder.stack(), alike)
        _refuse_coroutines(results)
        return results

    def _run(
        self, search: Search, jobs: list[together.Job], spawned: Stack, alike: bool
    ) -> list[Any]:
        chosen = search.chosen
        token = self.run.settings.replay
        if token is not None:
            chosen = replace(chosen, backend=token.backend)
        used = sum(len(part.execution.decisions) for part in search.parts)
        search.workers = max(search.workers, len(jobs))
        try:
            search.backend = backends.chosen(chosen.backend)
            return together.run(
                jobs, chosen, search.schedule[used:], self.run.guard.recorder, search.databases,
                spawned, alike, search.parts.append,
            )  # fmt: skip
        except (NotIsolated, ValueError) as error:
            raise pytest.fail.Exception(f"sessionguard: {error}", pytrace=False) from None

    def is_searching(self, item: pytest.Item) -> bool:
        """Whether this run of the test is one execution of a search, with a part in workers."""
        search = item.stash.get(_SEARCH, None)
        return search is not None and bool(search.parts)

    # -- findings ------------------------------------------------------------------------------

    def told(self, item: pytest.Item, finding: Finding) -> Finding:
        """A finding with what the current execution adds: its token, the damage, the switch."""
        search = item.stash.get(_SEARCH, None)
        token = search.token() if search is not None else None
        if search is None or token is None:
            return finding
        if finding.code in ALONE:
            return replace(finding, replay=token)
        lines = [
            Related(f"worker {each.worker} lost its turn before {each.name}", each.site)
            for each in search.preempted()
        ]
        for access in self.run.guard.recorder.trace.of(DetachedAccess):
            if access.stack:
                what = f"DetachedInstanceError met here, for {access.instance}.{access.attribute}"
                lines.append(Related(what, access.stack[0]))
                break
        return replace(finding, related=(*finding.related, *lines), replay=token)


def _each(
    functions: tuple[Callable[..., Any], ...], workers: int | None, default: int
) -> list[Callable[[], Any]]:
    if not functions or not all(callable(function) for function in functions):
        raise pytest.UsageError("concurrently: it takes functions to run, each in a worker")
    if workers is not None and (type(workers) is not int or workers < 1):
        raise pytest.UsageError(f"concurrently(workers={workers!r}): it takes a number from 1 on")
    if len(functions) > 1:
        if workers not in (None, len(functions)):
            raise pytest.UsageError(
                f"concurrently: {len(functions)} functions run in as many workers, not {workers}"
            )
        return [_called(function, number) for number, function in enumerate(functions)]
    return [_called(functions[0], number) for number in range(workers or default)]


def _refuse_coroutines(results: list[Any]) -> None:
    coroutines = [result for result in results if inspect.iscoroutine(result)]
    for coroutine in coroutines:
        coroutine.close()  # or Python warns that nobody awaited it
    if coroutines:
        raise pytest.UsageError(
            "concurrently: the function is async, and its workers are threads or greenlets; give "
            "it a plain function that calls the app through a test client"
        )


def _called(function: Callable[..., Any], number: int) -> Callable[[], Any]:
    return functools.partial(function, number) if takes_number(function) else function


def _job(item: pytest.Item, plain: Callable[..., Any], arguments: dict[str, Any]) -> together.Job:
    """One worker's copy of a marked body, with clients and sessions of its own."""
    instance = getattr(plain, "__self__", None)
    body = plain
    if instance is not None:
        body = plain.__func__.__get__(clients.own_attributes(instance))  # type: ignore[attr-defined]
    given = {name: clients.own(value) for name, value in arguments.items()}

    def work() -> Any:
        with ExitStack() as stack:
            if ISOLATED in given:
                sessions = item._request.getfixturevalue("isolated_sessions")  # type: ignore[attr-defined]
                given[ISOLATED] = stack.enter_context(sessions.one())
            return body(**given)

    return together.Job(work, [*given.values(), instance])


def _definition(run: Run, function: Callable[..., Any]) -> Stack:
    code = inspect.unwrap(getattr(function, "__func__", function)).__code__
    frames = run.guard.recorder.frames
    return (frames.site_of(code.co_filename, code.co_firstlineno, code.co_qualname),)


def _is_to_go_on(search: Search, reports: list[pytest.TestReport]) -> bool:
    """Not after a skip, an expected failure, or a test without a concurrent part."""
    went_on = not any(report.skipped for report in reports)
    return bool(search.parts) and went_on and not any(map(_is_own_failure, reports))


def _is_own_failure(report: pytest.TestReport) -> bool:
    """Whether the test itself failed, with or without a finding."""
    told: Any = report.longrepr
    return rerun.has_failed(report) and not (isinstance(told, FindingRepr) and told.body is None)


def _add_replay(search: Search, reports: list[pytest.TestReport]) -> None:
    """Tell below a body's own failure in which order of the workers it came."""
    token = search.token()
    for report in reports:
        if (
            rerun.has_failed(report)
            and token is not None
            and not isinstance(report.longrepr, FindingRepr)
        ):
            serial = " (the workers ran one after the other)" if not search.schedule else ""
            text = f"failed in execution {search.executions}{serial}\n"
            for each in search.preempted():
                text += f"worker {each.worker} lost its turn before {each.name}: "
                text += f"{place(each.site)}\n"
            report.sections.append(("sessionguard", f"{text}replay: {replay_command(token)}"))


def _tear_down_to(item: pytest.Item, nextitem: pytest.Item | None) -> pytest.TestReport:
    """Take down the fixtures of wider scope that the next test does not share."""
    state: Any = item.session._setupstate
    call = pytest.CallInfo.from_call(lambda: state.teardown_exact(nextitem), when="teardown")
    report: pytest.TestReport = item.ihook.pytest_runtest_makereport(item=item, call=call)
    return report


def _fail(reports: list[pytest.TestReport], text: str) -> None:
    report = next((each for each in reports if each.when == "call"), reports[-1])
    if report.passed:
        report.outcome = "failed"
        report.longrepr = text
    else:
        report.sections.append(("sessionguard", text))


def _drifted(drift: Drift) -> str:
    return (
        f"sessionguard: the replay left its recorded way at step {drift.number}: expected "
        f"{_named(drift.expected)}, seen {_named(drift.seen)}. The test or the code under test "
        "has changed since; search again without --sessionguard-replay"
    )


def _named(step: Step | None) -> str:
    return f"worker {step.worker}: {step.name}" if step is not None else "nothing more"


ALONE = ("SG301", "SG302")
"""Rules whose findings do not hang on the order of the workers."""

ISOLATED = "isolated_session"
NO_ASYNC = (
    f"{MARKER}: the body is async, and its workers are threads or greenlets; write it as a plain "
    "function that calls the app through a test client"
)

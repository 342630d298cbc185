"""One pytest run with the guard: what the hooks in ``plugin`` delegate to."""

from __future__ import annotations

import linecache
import sys
from functools import cached_property
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_sessionguard import options
from pytest_sessionguard.concurrency import Concurrency
from pytest_sessionguard.controller import Controller
from pytest_sessionguard.events import Site
from pytest_sessionguard.findings import ADVICE, Finding
from pytest_sessionguard.guard import Guard
from pytest_sessionguard.reports import json_report, orders, terminal
from pytest_sessionguard.rerun import is_strict_xpass
from pytest_sessionguard.schedule.token import Token, digest
from pytest_sessionguard.searched import SEARCH, SHOWN, concurrency_of
from pytest_sessionguard.settings import MARKER, Settings

if TYPE_CHECKING:
    from pytest_sessionguard.explore import Explorer

_SHOWN = "sessionguard_findings"
_RUNNING_NOTHING = ("collectonly", "showfixtures", "show_fixtures_per_test")


class Run:
    """The guard, and what pytest wants to know of it.

    Under xdist each worker guards its own tests; its findings travel with the test reports, and
    what it found outside of tests with its last words. The controller tells everything.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.root = config.rootpath
        self.settings = Settings()
        self.marked_only = False
        self.told: set[str] = set()
        self.findings: dict[str, Finding] = {}
        self.outside: list[Finding] = []
        self.searches: list[dict[str, Any]] = []
        self.notes: list[str] = []
        self.finished = False
        patterns = config.getini("python_files")
        early = options.read_source(config)
        self.guard = Guard(Settings(source=early), self.root, patterns)

    # -- beginning -------------------------------------------------------------------------

    def configure(self, config: pytest.Config, chosen: Settings) -> None:
        """The settings are known now."""
        self.settings = chosen
        self.guard.settings = chosen
        for _, path in chosen.reports:
            try:
                json_report.prepare(path)
            except OSError as error:
                raise pytest.UsageError(_unwritable(path, error)) from None
        if not self.is_worker:
            config.pluginmanager.register(Controller(self), "sessionguard-controller")

    @property
    def is_worker(self) -> bool:
        """Whether this process is one of xdist's workers."""
        return hasattr(self.config, "workerinput")

    @cached_property
    def explorer(self) -> Explorer:
        """Runs the tests that are searched; there once one is, since it brings half of the package."""
        from pytest_sessionguard.explore import Explorer

        explorer = Explorer(self)
        self.config.pluginmanager.register(explorer, "sessionguard-explorer")
        return explorer

    def began_late(self) -> None:
        """Only a marker asked for the guard: the app had been imported by then."""
        self.marked_only = True
        if any(self.config.getoption(name, False) for name in _RUNNING_NOTHING):
            return  # nothing is missed, and others may read what pytest lists
        self.notes += [f"sessionguard: {what} are not seen" for what in self.guard.observers.unseen]
        if self.notes:
            self.notes.append("sessionguard: run with `-p sessionguard` to see it")

    def header(self) -> list[str]:
        """What the header of the run says."""
        line = f"sessionguard: watching, {len(self.settings.codes)} rules"
        unseen = [f"sessionguard: {what} are not seen" for what in self.guard.observers.unseen]
        return [line, *unseen]

    def collected(self, items: list[pytest.Item]) -> None:
        """Check the markers before anything runs."""
        for item in items:
            try:
                self._settings_of(item)
                if self.concurrency_of(item) is not None:
                    _ = self.explorer  # which brings its hooks
            except ValueError as error:
                message = f"{item.nodeid}: {error}"
                if not self.is_worker:
                    raise pytest.UsageError(message) from None
                item.stash[_BAD] = message  # a worker of xdist cannot refuse: its test fails

        if self.settings.replay is not None:
            self._select(items, self.settings.replay)

    def _select(self, items: list[pytest.Item], token: Token) -> None:
        """Leave only the test of a replay token."""
        chosen = [item for item in items if digest(item.nodeid) == token.test]
        if not chosen:
            message = (
                f"--sessionguard-replay: none of the {len(items)} collected tests is the token's; "
                "it was renamed or moved since, or it is of another suite"
            )
            if not self.is_worker:
                raise pytest.UsageError(message)
            self.notes.append(message)  # the controller tells it, and sets the exit status
        others = [item for item in items if item not in chosen]
        self.config.hook.pytest_deselected(items=others)
        items[:] = chosen

    def check(self, item: pytest.Item) -> None:
        """Fail a test whose marker is bad."""
        message = item.stash.get(_BAD, None)
        if message is not None:
            pytest.fail(message, pytrace=False)

    def concurrency_of(self, item: pytest.Item) -> Concurrency | None:
        """How a test is searched; None for an ordinary one. Raises ValueError for a bad marker."""
        if _BAD in item.stash:
            return None
        return concurrency_of(item, self.settings.concurrency)

    def _settings_of(self, item: pytest.Item) -> Settings | None:
        """The settings for one test; None when it is not guarded."""
        markers = list(item.iter_markers(MARKER))
        if not markers or _BAD in item.stash:
            searched = SEARCH in item.stash or (
                _BAD not in item.stash and self.concurrency_of(item) is not None
            )
            return self.settings if searched or not self.marked_only else None
        chosen = self.settings
        for marker in reversed(markers):
            if marker.args:
                raise ValueError("the marker sessionguard takes no positional arguments")
            chosen = chosen.marked(marker.kwargs)
        return chosen

    # -- tests -----------------------------------------------------------------------------

    def begin(self, item: pytest.Item) -> None:
        """A test begins. What was seen before the first one happened at import."""
        if self.guard.test is None and not self.finished:
            self._judge_outside()
        if self._settings_of(item) is None:
            self.guard.pause()
        else:
            self.guard.start(item.nodeid)

    def _judge_outside(self) -> None:
        if self.guard.recorder.active:
            self.outside += self.guard.judge(self.settings)

    def body_ended(self, item: pytest.Item, error: BaseException | None) -> None:
        """Judge the body; ``error`` is its own."""
        chosen = self._settings_of(item)
        if chosen is None:
            return
        searched = SEARCH in item.stash
        if searched and error is not None:
            self.explorer.body_failed(item, error)
        found = self.guard.body_ended(chosen)
        if searched:
            found = [self.explorer.told(item, finding) for finding in found]
        item.stash[_FOUND] = found

    def report(
        self, item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport
    ) -> None:
        """Put the findings of a phase into its report; errors fail a phase that passed."""
        chosen = self._settings_of(item)
        if chosen is None or (call.when == "setup" and report.passed):
            return
        found = item.stash.get(_FOUND, None) or []
        if call.when != "call":
            found = self.guard.judge(chosen)
        item.stash[_FOUND] = []
        self.guard.warn()
        if found:
            searched = SEARCH in item.stash and self.explorer.is_searching(item)
            self._put(found, report, searched)

    def _put(self, found: list[Finding], report: pytest.TestReport, searched: bool) -> None:
        setattr(report, _SHOWN, [json_report.to_dict(finding) for finding in found])
        errors = [finding for finding in found if finding.level != ADVICE]
        if not errors:
            return
        told = terminal.FindingRepr(errors, set(self.told), self.read_line)
        if is_strict_xpass(report):  # the failure that was expected is the finding
            report.outcome = "skipped"
            report.wasxfail = f"{errors[0].code} {errors[0].name}"
            report.longrepr = told  # type: ignore[assignment]
        elif searched and report.failed:  # the order was ours: the fault goes before its symptom
            told.body = report.longrepr
            report.longrepr = told  # type: ignore[assignment]
        elif report.outcome == "passed" and not hasattr(report, "wasxfail"):
            report.outcome = "failed"
            report.longrepr = told  # type: ignore[assignment]
        else:
            report.sections.append(("sessionguard", str(told)))
        self.told |= {finding.fingerprint for finding in errors}

    def remember(self) -> tuple[set[str], dict[str, Finding]]:
        """What has been told and found up to now, for ``recall``."""
        return set(self.told), dict(self.guard.findings)

    def recall(self, memory: tuple[set[str], dict[str, Finding]]) -> None:
        """Forget what was found since: an execution of which nobody will hear."""
        self.told, self.guard.findings = set(memory[0]), dict(memory[1])

    def not_put_back(self, dialects: list[str]) -> None:
        """Say once which databases stay as an execution left them."""
        for name in dialects:
            note = f"sessionguard: databases of {name} are not put back between executions"
            if note not in self.notes:
                self.notes.append(note)

    def fingerprints(self, reports: list[pytest.TestReport]) -> frozenset[str]:
        """The findings that these reports carry."""
        shown = (found for report in reports for found in getattr(report, _SHOWN, ()))
        return frozenset(found["fingerprint"] for found in shown)

    def read_line(self, site: Site) -> str:
        """The text of a source line, empty if it cannot be read."""
        return linecache.getline(str(self.root / site.path), site.line)

    # -- the end ---------------------------------------------------------------------------

    def gather(self, report: pytest.TestReport) -> None:
        """Findings that came with a test report, from this process or a worker."""
        for data in getattr(report, _SHOWN, ()):
            self.add(json_report.from_dict(data))
        searched = getattr(report, SHOWN, None)
        if searched is not None:
            self.searches.append(searched)

    def add(self, finding: Finding) -> None:
        """Keep a finding, once, with all the tests that showed it."""
        known = self.findings.get(finding.fingerprint)
        if known is not None:
            finding = known.with_tests(finding.tests)
        self.findings[finding.fingerprint] = finding

    def finish(self, session: pytest.Session) -> None:
        """The run ends: findings outside of tests fail it, and reports are written."""
        if self.finished:
            return
        self.finished = True
        if self.guard.test is None:
            self._judge_outside()
        else:
            self.notes += map(NO_PACKAGE.format, filter(_is_nowhere, self.settings.source))
        self.notes += [
            f"sessionguard: the trace of {test} was too long, its end was not judged"
            for test in self.guard.cut
        ]
        if self.guard.warning is not None:
            self.notes.append(self.guard.warning)
        if self.is_worker:
            output: dict[str, Any] = self.config.workeroutput  # type: ignore[attr-defined]
            output["sessionguard"] = {
                "outside": [json_report.to_dict(finding) for finding in self.outside],
                "notes": self.notes,
            }
            return
        for finding in self.outside:
            self.add(finding)
        if any(
            f.level != ADVICE and not f.tests for f in self.findings.values()
        ) and session.exitstatus in (0, 5):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        gate = orders.gate(self.ordered_searches()) if self.settings.require_complete else None
        if gate is not None:
            self.notes.append(gate)
            session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED
        if self.settings.replay is not None and session.exitstatus == 5:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR  # under xdist nobody could refuse
        self._write(session)

    def _write(self, session: pytest.Session) -> None:
        document = json_report.document(
            self.ordered(),
            self.ordered_searches(),
            {
                "tests": session.testscollected,
                "exit_status": int(session.exitstatus),
                "notes": self.notes,
            },
        )
        for _, path in self.settings.reports:
            try:
                json_report.write(path, document)
            except OSError as error:
                self.notes.append(_unwritable(path, error))
                session.exitstatus = session.exitstatus or pytest.ExitCode.USAGE_ERROR

    def ordered(self) -> list[Finding]:
        """All findings by file, line and code."""
        return sorted(self.findings.values(), key=lambda f: (f.site.path, f.site.line, f.code))

    def ordered_searches(self) -> list[dict[str, Any]]:
        """All searches by test."""
        return sorted(self.searches, key=lambda search: str(search["test"]))

    def summarize(self, reporter: pytest.TerminalReporter) -> None:
        """The last section of the terminal report."""
        terminal.summary(
            reporter, self.ordered(), self.notes, self.read_line, self.ordered_searches()
        )


_FOUND: pytest.StashKey[list[Finding]] = pytest.StashKey()
_BAD: pytest.StashKey[str] = pytest.StashKey()


NO_PACKAGE = "sessionguard: --sessionguard-source: there is no package {} here"


def _is_nowhere(package: str) -> bool:
    """Whether nothing has imported the package, nor could; asked when all tests have run."""
    name = package.partition(".")[0]
    return name not in sys.modules and PathFinder.find_spec(name) is None


def _unwritable(path: Path, error: OSError) -> str:
    return f"--sessionguard-report: {path} cannot be written: {error.strerror or error}"

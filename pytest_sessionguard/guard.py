"""What one pytest run owns: the recorder with its hooks, the rules' findings, and what was said."""

from __future__ import annotations

import contextlib
import fnmatch
import linecache
import re
import traceback
import warnings
from collections.abc import Iterable
from pathlib import Path

from pytest_sessionguard import events as ev
from pytest_sessionguard.findings import Finding
from pytest_sessionguard.observe import Frames, Observers, Recorder
from pytest_sessionguard.observe.roles import Roles
from pytest_sessionguard.rules import RULES
from pytest_sessionguard.rules.judge import judge
from pytest_sessionguard.settings import Settings
from pytest_sessionguard.trace import Trace

_IGNORE = re.compile(r"#\s*sessionguard:\s*ignore(?:\[([^\]]*)\])?")


class SessionGuardWarning(UserWarning):
    """The guard itself had a fault and was switched off for a test."""


class Guard:
    """Observes tests and judges what was observed.

    ``findings`` are keyed by fingerprint: each fault once, with the tests that showed it.
    ``faults`` are tracebacks of the guard's own errors, ``warning`` what is still to be said of
    the first.
    """

    def __init__(self, settings: Settings, root: Path, test_patterns: Iterable[str]) -> None:
        self.settings = settings
        self.root = root
        packages = {*settings.source, *own_packages(root)}
        self.recorder = Recorder(Frames(Roles(root, test_patterns, packages)), self._fault)
        self.observers = Observers(self.recorder)
        self.findings: dict[str, Finding] = {}
        self.faults: list[str] = []
        self.warning: str | None = None
        self.warned = False
        self.cut: list[str] = []
        self.test: str | None = None
        self._judged_to: tuple[Trace, int] | None = None

    # -- hooks -----------------------------------------------------------------------------

    def install(self) -> None:
        """Place the hooks."""
        self.observers.install()

    def remove(self) -> None:
        """Take the hooks away."""
        self.observers.remove()

    def _fault(self, error: BaseException) -> None:
        self.recorder.active = False
        text = "".join(traceback.format_exception(error))
        self.faults.append(text)
        if len(self.faults) == 1:
            where = self.test or "the import of the tests"
            self.warning = (
                f"sessionguard was switched off for {where} by an error of its own:\n{text}"
            )

    def warn(self) -> None:
        """Warn of the first fault, once; never from inside the code under test.

        Where warnings are errors it stays a note: a fault of ours fails nobody's test.
        """
        if self.warning is None or self.warned:
            return
        with contextlib.suppress(SessionGuardWarning):
            self.warned = True
            warnings.warn(self.warning, SessionGuardWarning, stacklevel=1)
            self.warning = None

    # -- tests -----------------------------------------------------------------------------

    def start(self, test: str) -> None:
        """A test begins, its fixtures first."""
        self.test = test
        self._judged_to = None
        self.recorder.start(test)

    def pause(self) -> None:
        """Nobody is interested in the next test."""
        self.test = None
        self.recorder.active = False

    def body_ended(self, settings: Settings) -> list[Finding]:
        """The body of the test has ended: what did it show?"""
        if self.recorder.active:
            self.recorder.shielded(self.observers.body_ended)
            self.recorder.trace.note(ev.BodyEnded())
        return self.judge(settings)

    def judge(self, settings: Settings) -> list[Finding]:
        """The findings of the trace so far that are new to this test."""
        self.recorder.shielded(self.observers.forks.collect)
        trace = self.recorder.trace
        if self._judged_to == (trace, len(trace.events)):
            return []  # the teardown did nothing
        try:
            trace, found = self._judged(settings)
            if found or self.observers.lasting.candidates():
                # Who holds a session is slow to find out, so it is asked only when it matters.
                self.observers.look_up()
                trace, found = self._judged(settings)
            found = [self._identified(finding) for finding in found]
            found = [f for f in found if not self._is_let_pass(f, trace, settings)]
        except Exception as error:
            self._fault(error)
            return []
        self._judged_to = (self.recorder.trace, len(self.recorder.trace.events))
        if self.recorder.trace.cut and self.test is not None:
            self.cut.append(self.test)
        return [finding.with_tests(self._tests()) for finding in found if self._is_new(finding)]

    def _tests(self) -> tuple[str, ...]:
        return (self.test,) if self.test is not None else ()

    def _judged(self, settings: Settings) -> tuple[Trace, list[Finding]]:
        trace = self.recorder.trace.copy()
        return trace, judge(trace, [RULES[code] for code in settings.codes])

    def _is_new(self, finding: Finding) -> bool:
        """Keep the finding; False if this test has shown it before (in its body, say)."""
        known = self.findings.get(finding.fingerprint)
        tests = self._tests()
        self.findings[finding.fingerprint] = (known or finding).with_tests(tests)
        return known is None or not set(tests) <= set(known.tests)

    # -- what the user lets pass -------------------------------------------------------------

    def _identified(self, finding: Finding) -> Finding:
        return finding.identified(self._line(finding.site))

    def _line(self, site: ev.Site) -> str:
        return linecache.getline(str(self.root / site.path), site.line)

    def _is_let_pass(self, finding: Finding, trace: Trace, settings: Settings) -> bool:
        comment = _IGNORE.search(self._line(finding.site))
        if comment is not None:
            codes = {code.strip().upper() for code in (comment[1] or "").split(",")} - {""}
            if not codes or finding.code.startswith(tuple(codes)):
                return True
        if any(made.shared_by_design for made in _sessions(finding, trace)):
            return True
        return any(
            fnmatch.fnmatchcase(name, pattern)
            for name in allowed_names(finding, trace)
            for pattern in settings.allow
        )


def _sessions(finding: Finding, trace: Trace) -> list[ev.SessionMade]:
    return [trace.sessions[token] for token in finding.subjects if token in trace.sessions]


def allowed_names(finding: Finding, trace: Trace) -> set[str]:
    """The names by which the user may allow a finding: holders of its session, and its function.

    ``package.module.name`` for a session or registry kept by a module, ``Class.attribute`` for one
    kept by an object, ``package.module.function`` for the function with the line to mend.
    """
    path = finding.site.path.removesuffix(".py").removesuffix("/__init__")
    module = path.removeprefix("src/").removeprefix("lib/").replace("/", ".")
    names = {f"{module}.{finding.site.function}"}
    for event in trace.of(ev.Published):
        if event.session in finding.subjects:
            names.add(event.holder)
    return names


def own_packages(root: Path) -> set[str]:
    """Top-level packages and modules that lie in the project: user code even where installed."""
    found = set()
    for folder in (root, root / "src", root / "lib"):
        if folder.is_dir():
            found |= {path.parent.name for path in folder.glob("*/__init__.py")}
            found |= {path.stem for path in folder.glob("*.py")}
    return found - {
        "conftest",
        "setup",
        "noxfile",
        "sqlalchemy",
        "gevent",
        "greenlet",
        "tests",
        "test",
    }

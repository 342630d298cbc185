"""The findings on the terminal: after the test that failed, and as a summary."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_sessionguard.findings import ADVICE, Finding
from pytest_sessionguard.reports import orders
from pytest_sessionguard.reports.text import ReadLine, lines, place, verdict


class FindingRepr:
    """What pytest prints for a test that failed because of findings.

    ``body`` is the failure of the test's own, printed after them: what the fault led to.
    """

    def __init__(
        self,
        findings: Iterable[Finding],
        known: set[str],
        read_line: ReadLine,
        body: Any = None,
    ) -> None:
        self.body = body
        self._findings = list(findings)
        self._known = known
        self._read_line = read_line
        message = "; ".join(verdict(finding) for finding in self._findings)
        first = self._findings[0].site
        self.reprcrash = SimpleNamespace(message=message, path=first.path, lineno=first.line)

    def _lines(self) -> Iterable[tuple[str, dict[str, bool]]]:
        for finding in self._findings:
            if finding.fingerprint in self._known:
                yield f"{verdict(finding)} (told in full before)", {"red": True}
            else:
                yield from lines(finding, self._read_line)
            yield "", {}

    def toterminal(self, writer: Any) -> None:
        """Write to pytest's own terminal writer."""
        for text, markup in self._lines():
            writer.line(text, **markup)
        if self.body is not None:
            writer.line("the test itself failed:", bold=True)
            if hasattr(self.body, "toterminal"):
                self.body.toterminal(writer)
            else:
                writer.line(str(self.body))

    def __str__(self) -> str:
        told = "\n".join(text for text, _ in self._lines())
        return told if self.body is None else f"{told}\nthe test itself failed:\n{self.body}"


def summary(
    reporter: pytest.TerminalReporter,
    findings: list[Finding],
    notes: list[str],
    read_line: ReadLine,
    searches: Sequence[dict[str, Any]] = (),
) -> None:
    """The last words of a run: each fault in short; in full if no test has told it.

    How many orders were tried is one line, in a verbose run one for each test.
    """
    counted = list(_orders(reporter, searches))
    if not findings and not notes:
        for line in counted:
            reporter.write_line(line)
        return
    reporter.section("sessionguard", sep="=")
    for finding in findings:
        if finding.tests:
            _in_short(reporter, finding)
        else:
            for text, markup in lines(finding, read_line, tests=True):
                reporter.write_line(text, **markup)
    for line in counted:
        reporter.write_line(line)
    for note in notes:
        reporter.write_line(note, yellow=True)
    if findings:
        count = f"{len(findings)} finding{'s' if len(findings) > 1 else ''}"
        reporter.write_line(f"{count}; `pytest --sessionguard-explain CODE` tells more")


def _orders(reporter: pytest.TerminalReporter, searches: Sequence[dict[str, Any]]) -> Iterable[str]:
    if searches and reporter.config.get_verbosity() > 0:
        return [f"sessionguard: {each['test']}: {orders.told(each)}" for each in searches]
    line = orders.in_short(searches)
    return [line] if line is not None else []


def _in_short(reporter: pytest.TerminalReporter, finding: Finding) -> None:
    colour = {"yellow": True} if finding.level == ADVICE else {"red": True}
    reporter.write_line(f"{finding.code} {finding.message}", **colour)
    reporter.write_line(f"      mend: {place(finding.site)}")
    more = f" and {len(finding.tests) - 1} more" if len(finding.tests) > 1 else ""
    reporter.write_line(f"      shown by: {finding.tests[0]}{more}")

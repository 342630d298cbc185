"""What pytest keeps on a test from one run of it to the next, and what several runs come to."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_sessionguard.reports.terminal import FindingRepr

PASSED, EXPECTED, FAILED = range(3)
_XPASS = "[XPASS(strict)]"


class Kept:
    """What a test had before its first run; a run adds to it, and the next must not see that."""

    def __init__(self, item: pytest.Item) -> None:
        self._properties = list(item.user_properties)
        self._markers = list(item.own_markers)

    def restore(self, item: Any) -> None:
        """Captured output, recorded properties and markers as they were, and a new instance."""
        item._report_sections = []
        item.user_properties[:] = self._properties
        item.own_markers[:] = self._markers
        if isinstance(item.parent, pytest.Class):
            for name in ("_obj", "_instance"):
                item.__dict__.pop(name, None)


def outcome(reports: list[pytest.TestReport]) -> int:
    """``FAILED``, ``EXPECTED`` for a skip or an expected failure, else ``PASSED``."""
    if any(has_failed(report) for report in reports):
        return FAILED
    return EXPECTED if any(report.skipped for report in reports) else PASSED


def has_failed(report: pytest.TestReport) -> bool:
    """Whether something failed in this phase.

    Not so when a strict xfail has passed: that may be said only after the last order has passed.
    """
    return report.failed and not is_strict_xpass(report)


def is_strict_xpass(report: pytest.TestReport) -> bool:
    """Whether a test that should have failed has passed."""
    return report.failed and str(report.longrepr).startswith(_XPASS)


def is_own_failure(report: pytest.TestReport) -> bool:
    """Whether the test itself failed, with or without a finding."""
    told: Any = report.longrepr
    return has_failed(report) and not (isinstance(told, FindingRepr) and told.body is None)


def tear_down_to(item: pytest.Item, nextitem: pytest.Item | None) -> pytest.TestReport:
    """Take down the fixtures of wider scope that the next test does not share."""
    state: Any = item.session._setupstate
    call = pytest.CallInfo.from_call(lambda: state.teardown_exact(nextitem), when="teardown")
    report: pytest.TestReport = item.ihook.pytest_runtest_makereport(item=item, call=call)
    return report


def lasted(reports: list[pytest.TestReport], seconds: float) -> None:
    """Count all runs of a test as time of its body, for ``--durations`` and JUnit's report."""
    for report in reports:
        if report.when == "call":
            report.duration += max(0.0, seconds - sum(each.duration for each in reports))
            return


def fail(reports: list[pytest.TestReport], text: str) -> None:
    """Fail the body of a test that passed; else add the text to its failure."""
    report = next((each for each in reports if each.when == "call"), reports[-1])
    if report.passed:
        report.outcome = "failed"
        report.longrepr = text
    else:
        report.sections.append(("sessionguard", text))

"""Gathers what all processes of a run found, in the one that talks to the user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_sessionguard.reports import json_report

if TYPE_CHECKING:
    from pytest_sessionguard.run import Run


class Controller:
    """The hooks of the process that talks to the user: it gathers what all workers found."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test report has arrived."""
        self.run.gather(report)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: Any) -> None:
        """An xdist worker has ended; what it found outside of tests comes now."""
        output = getattr(node, "workeroutput", None) or {}
        data = output.get("sessionguard")
        if data is not None:
            for finding in data["outside"]:
                self.run.add(json_report.from_dict(finding))
            self.run.notes += [note for note in data["notes"] if note not in self.run.notes]

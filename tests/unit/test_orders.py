"""How much was tried, in words."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_sessionguard.reports.orders import gate, in_short, is_cut, told


def search(**changes: Any) -> dict[str, Any]:
    entry = {
        "test": "test_a.py::test_it", "executions": 40, "classes": 34, "estimate": None,
        "preemptions": None, "complete": False, "cut": None, "first_finding": None,
    }  # fmt: skip
    return {**entry, **changes}


CUT = search(cut="schedules", executions=100, estimate=412)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "all 34 distinct orders"),
        ({"classes": 1}, "the one distinct order"),
        ({"cut": "preemptions", "preemptions": 2}, "all 34 distinct orders up to 2 preemptions"),
        ({"cut": "preemptions", "preemptions": 1}, "all 34 distinct orders up to 1 preemption"),
        (CUT, "100 of about 412; raise --sessionguard-schedules"),
        ({**CUT, "estimate": 90}, "100 of about 101; raise --sessionguard-schedules"),
        (
            {**CUT, "estimate": None},
            "100 executions, and there are more; raise --sessionguard-schedules",
        ),
        ({"first_finding": 3}, "failed in execution 3"),
        ({"cut": "replay", "executions": 1}, "1 execution"),
    ],
)
def test_what_a_search_comes_to(changes, expected):
    assert told(search(**changes)) == expected


@pytest.mark.parametrize("cut", ["uncontrolled waits", "drift"])
def test_what_is_not_known_is_never_called_all(cut):
    line = told(search(cut=cut))
    assert "inconclusive" in line
    assert "all" not in line.split()


def test_only_a_cut_is_a_cut():
    assert not is_cut(search())
    assert not is_cut(search(first_finding=1))
    assert not is_cut(search(cut="replay"))
    assert all(is_cut(search(cut=cut)) for cut in ("schedules", "preemptions", "drift"))


def test_a_run_without_searches_says_nothing():
    assert in_short([]) is None
    assert in_short([search(first_finding=2), search(cut="replay")]) is None


def test_a_silent_run_says_one_line():
    assert in_short([search(), search(classes=6)]) == (
        "sessionguard: 2 tests searched, all 40 distinct orders"
    )
    assert in_short([search(), CUT]) == (
        "sessionguard: 2 tests searched, 1 not to the end: "
        "test_a.py::test_it: 100 of about 412; raise --sessionguard-schedules"
    )
    assert str(in_short([CUT, CUT, search()])).endswith("(and 1 more, told with -v)")


def test_the_gate_is_shut_by_a_cut_only():
    assert gate([search(), search(first_finding=1)]) is None
    line = gate([search(), CUT])
    assert line is not None
    assert "--sessionguard-require-complete" in line
    assert "100 of about 412" in line

from __future__ import annotations

import dataclasses

import pytest

from pytest_sessionguard.events import Site
from pytest_sessionguard.findings import Finding, Rule, Side, finding
from unit.tracing import app

LINE = "session = Session(engine)"
RULE = Rule("SG101", "shared-session", "says", "why", "fix", lambda trace: [])


HERE = app(3, "view")


def fault(site: Site = HERE, code: str = "SG101") -> Finding:
    return Finding(code, "name", "error", "message", "why", "fix", site)


def test_a_fingerprint_survives_a_move_of_the_line():
    moved = fault(app(300, "view")).identified(f"        {LINE}  \n")
    assert fault().identified(LINE).fingerprint == moved.fingerprint


def test_a_fingerprint_does_not_depend_on_who_met_there():
    told = dataclasses.replace(
        fault(), message="another", sides=(Side("a", "commit", (app(9),)),), also=("SG103",)
    )
    assert told.identified(LINE).fingerprint == fault().identified(LINE).fingerprint


def test_whether_unordered_uses_overlapped_does_not_change_the_fingerprint():
    told = {fault(code=code).identified(LINE).fingerprint for code in ("SG101", "SG102", "SG103")}
    assert len(told) == 1


@pytest.mark.parametrize(
    ("other", "line"),
    [
        (fault(app(3, "other_view")), LINE),
        (fault(Site("other.py", 3, "view")), LINE),
        (fault(code="SG305"), LINE),
        (fault(), "session = Session(other_engine)"),
    ],
    ids=["function", "file", "code", "text"],
)
def test_a_fingerprint_differs_for_another(other, line):
    assert other.identified(line).fingerprint != fault().identified(LINE).fingerprint


def test_parts_of_a_fingerprint_do_not_run_into_each_other():
    one = fault(Site("a", 1, "bc")).identified(LINE)
    other = fault(Site("ab", 1, "c")).identified(LINE)
    assert one.fingerprint != other.fingerprint


def test_a_fingerprint_is_short_and_printable():
    fingerprint = fault().identified(LINE).fingerprint
    assert len(fingerprint) == 16
    assert int(fingerprint, 16) >= 0


def test_the_tests_that_showed_it_are_kept_sorted_and_once():
    found = fault().with_tests(["test_b"]).with_tests(["test_a", "test_b"])
    assert found.tests == ("test_a", "test_b")


def test_a_finding_tells_what_its_rule_tells():
    found = finding(RULE, "message", app(3), [Side("a", "commit", ())])
    assert (found.code, found.name, found.level) == ("SG101", "shared-session", "error")
    assert (found.why, found.fix) == ("why", "fix")
    assert found.sides == (Side("a", "commit", ()),)


def test_findings_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        fault().code = "SG999"  # type: ignore[misc]

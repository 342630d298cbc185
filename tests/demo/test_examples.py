"""The examples: what the guard must say of the broken apps, and its silence for the others."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

DEMO = Path(__file__).resolve().parents[2] / "examples" / "demo.py"


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sessionguard_demo", DEMO)
    assert spec is not None and spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


demo = _load()
EXAMPLES = demo.examples()


def test_the_examples_are_found():
    assert {example.name for example in EXAMPLES} == set(demo.ABOUT)
    broken = {example.name for example in EXAMPLES if example.expected}
    assert broken == {name for name in demo.ABOUT if name.endswith("/broken")}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_example(example):
    plain = demo.run(example, guarded=False)
    assert demo.complaints_unguarded(plain) == [], plain.output

    guarded = demo.run(example)
    assert demo.complaints(example, guarded) == [], guarded.output
    assert guarded.tests.keys() == plain.tests.keys()


def test_a_finding_is_shown_in_full():
    shown = next(example for example in EXAMPLES if example.name == demo.SHOWN_IN_FULL)

    text = demo.full_finding(demo.run(shown).output)

    assert "SG301 late-monkey-patch" in text
    assert "fix:" in text
    assert "generated xml" not in text


def test_an_unexpected_finding_is_a_complaint():
    broken = next(example for example in EXAMPLES if example.expected)
    silent = demo.Example(broken.name, ())
    location = {"path": "app/db.py", "line": 1, "function": "f"}
    finding = {"code": "SG101", "level": "error", "location": location, "tests": ["t.py::a"]}

    told = demo.complaints(silent, demo.Outcome(1, "", {"t.py::a": "failure"}, [finding]))

    assert told == [
        "the guard said, unexpectedly, SG101 at app/db.py:1",
        "pytest ended with exit status 1 instead of 0",
    ]


def test_a_missing_finding_and_an_ordinary_failure_are_complaints():
    expected = {"code": "SG101", "path": "app/db.py", "line_contains": "Session("}
    broken = demo.Example("module_session/broken", (expected,))

    told = demo.complaints(broken, demo.Outcome(1, "", {"t.py::a": "failure"}, []))

    assert told == [
        "the guard did not say SG101 in app/db.py, at 'Session('",
        "t.py::a failed, but not because of a finding",
    ]


def test_the_failing_order_is_shown_and_repeated(capsys):
    shown = next(example for example in EXAMPLES if example.name == demo.SHOWN_IN_ORDER)

    assert demo.show_order(demo.run(shown)) == []

    told = capsys.readouterr().out
    assert "worker 0 " in told
    assert "--sessionguard-replay=sg" in told


def test_a_failing_order_that_is_not_told_is_a_complaint():
    assert demo.show_order(demo.Outcome(1, "", {}, [])) != []

"""Runs the guard over every example and compares what it says with what it should say.

    python examples/demo.py [NAME ...]

Broken apps have an ``expected.json`` with the findings that their passing tests must show; of the
others the guard must say nothing. Exit status 0 exactly when that is so everywhere.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
AT_ONCE = 2
TIMEOUT = 60
SHOWN_IN_FULL = "late_patch/broken"
SHOWN_IN_ORDER = "lost_sale/broken"
ABOUT = {
    "late_patch/broken": "Flask API under gevent; the app is imported, then gevent patches",
    "late_patch/mended": "the same app, patched first",
    "late_patch/threads": "the same app on plain threads, without gevent",
    "module_session/broken": "Flask to-do list; one Session, made at import, for all requests",
    "module_session/mended": "the same app, one Session a request",
    "pool_leak/broken": "Flask bank; an error path keeps its Session and so its connection",
    "pool_leak/mended": "the same app, the Session in a with block",
    "detached_read/broken": "Flask-SQLAlchemy blog; posts are read after close() and remove()",
    "detached_read/mended": "the same app, read first, closed afterwards",
    "unbound_session/broken": "Flask feature flags; Session() is called before configure(bind=...)",
    "unbound_session/mended": "the same app, Session.remove() in between",
    "lost_sale/broken": "Flask ticket shop; two buyers at once get the last ticket",
    "lost_sale/mended": "the same app, the database decides in one UPDATE",
    "correct/add_again": "suspicious but right: an object of a closed Session is added to another",
    "correct/merge_across_requests": "suspicious but right: a draft is merged by a later request",
    "correct/fastapi_get_db": "suspicious but right: FastAPI's get_db, one Session on many threads",
    "correct/flask_sqlalchemy": "suspicious but right: Flask-SQLAlchemy's one db.session for all",
}


@dataclass(frozen=True, slots=True)
class Example:
    """One app with its tests; ``expected`` is empty where the guard must be silent."""

    name: str
    expected: tuple[dict[str, Any], ...]

    @property
    def folder(self) -> Path:
        return HERE / self.name


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one pytest run of an example did; ``tests`` are node id -> passed, failed..."""

    status: int
    output: str
    tests: dict[str, str]
    findings: list[dict[str, Any]]

    def not_passed(self) -> set[str]:
        return {test for test, outcome in self.tests.items() if outcome != "passed"}


def examples() -> list[Example]:
    """Every example, in the order of ``ABOUT``; new ones last."""
    names = {path.parent.relative_to(HERE).as_posix() for path in HERE.rglob("pytest.ini")}
    ordered = [name for name in ABOUT if name in names] + sorted(names - ABOUT.keys())
    return [Example(name, _expected(HERE / name / "expected.json")) for name in ordered]


def _expected(path: Path) -> tuple[dict[str, Any], ...]:
    if not path.is_file():
        return ()
    return tuple(json.loads(path.read_text(encoding="utf-8"))["findings"])


# -- running -----------------------------------------------------------------------------------


def run(example: Example, *options: str, guarded: bool = True) -> Outcome:
    """The example's own tests in a process of their own, watched by the guard or without it."""
    with tempfile.TemporaryDirectory() as name:
        report, junit = Path(name) / "report.json", Path(name) / "junit.xml"
        plugin = "sessionguard" if guarded else "no:sessionguard"
        command = [sys.executable, "-m", "pytest", "-p", plugin, "-p", "no:cacheprovider"]
        command += [f"--junitxml={junit}", "--color=no"]
        command += [f"--sessionguard-report=json:{report}", *options] if guarded else []
        try:
            done = subprocess.run(
                command, cwd=example.folder, env=_environment(), timeout=TIMEOUT, text=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            return Outcome(-1, f"no end after {TIMEOUT} s\n{error.stdout or ''}", {}, [])
        findings = json.loads(report.read_text())["findings"] if report.is_file() else []
        return Outcome(done.returncode, done.stdout, _tests(junit), findings)


def _environment() -> dict[str, str]:
    """Ours, without what would change how pytest or the guard behave."""
    ours = ("PYTEST_", "SESSIONGUARD")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    # Other plugins are not needed, and take half of the time.
    alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return kept | alone | {"COLUMNS": "80", "PYTHONUTF8": "1"}


def _tests(junit: Path) -> dict[str, str]:
    if not junit.is_file():
        return {}
    outcomes = {}
    for case in ElementTree.parse(junit).iter("testcase"):
        module = case.get("classname", "").replace(".", "/")
        name = f"{module}.py::{case.get('name')}"
        bad = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
        outcomes[name] = bad[0] if bad else "passed"
    return outcomes


# -- comparing ---------------------------------------------------------------------------------


def complaints(example: Example, outcome: Outcome) -> list[str]:
    """How a watched run differs from what it should be; empty when it does not."""
    return [*_about_findings(example, outcome), *_about_tests(example, outcome)]


def _about_findings(example: Example, outcome: Outcome) -> Iterator[str]:
    left = list(outcome.findings)
    for expected in example.expected:
        found = next((each for each in left if _is_meant(example, expected, each)), None)
        if found is None:
            place = f"{expected['path']}, at {expected['line_contains']!r}"
            yield f"the guard did not say {expected['code']} in {place}"
            continue
        left.remove(found)
        for text in _differences(example, expected, found):
            yield f"{found['code']} at {_place(found)}: {text}"
    for found in left:
        yield f"the guard said, unexpectedly, {found['code']} at {_place(found)}"


def _is_meant(example: Example, expected: dict[str, Any], finding: dict[str, Any]) -> bool:
    return finding["code"] == expected["code"] and _is_at(example, expected, finding["location"])


def _is_at(example: Example, expected: dict[str, Any], location: dict[str, Any]) -> bool:
    same = location["path"] == expected["path"]
    return same and expected["line_contains"] in _source(example, location)


def _source(example: Example, location: dict[str, Any]) -> str:
    """The text of a line. Empty when there is no such line."""
    path = example.folder / location["path"]
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return lines[location["line"] - 1].strip() if 0 < location["line"] <= len(lines) else ""


def _differences(
    example: Example, expected: dict[str, Any], finding: dict[str, Any]
) -> Iterator[str]:
    wanted = expected.get("message_contains", "")
    if wanted not in finding["message"]:
        yield f"{wanted!r} is not in its message {finding['message']!r}"
    shown = [line for side in finding["sides"] for line in side["stack"]]
    shown += [line["location"] for line in finding["related"]]
    for line in expected.get("lines", ()):
        if not any(_is_at(example, line, location) for location in shown):
            yield f"it does not show the line {line['line_contains']!r} of {line['path']}"
    yield from _different_sides(expected, finding)
    tests = expected.get("tests")
    if tests is not None and sorted(tests) != sorted(finding["tests"]):
        yield f"shown by {finding['tests']} instead of {tests}"


def _different_sides(expected: dict[str, Any], finding: dict[str, Any]) -> Iterator[str]:
    sides, folder = finding["sides"], expected.get("sides_in")
    if folder and any(not side["stack"] or side["stack"][0]["path"] != folder for side in sides):
        yield f"not all its sides are in {folder}"
    workers = expected.get("workers")
    if workers is None:
        return
    names = [side["worker"] for side in sides]
    pairs = zip(workers, names, strict=False)
    if len(workers) != len(names) or any(worker not in name for worker, name in pairs):
        yield f"its sides are {names} instead of {workers}"
    elif len(set(names)) != len(names):
        yield f"its sides cannot be told apart: {names}"


def _about_tests(example: Example, outcome: Outcome) -> Iterator[str]:
    status = 1 if example.expected else 0
    if outcome.status != status:
        yield f"pytest ended with exit status {outcome.status} instead of {status}"
    if not outcome.tests:
        yield "no test ran"
    errors = [finding for finding in outcome.findings if finding["level"] == "error"]
    shown = {test for finding in errors for test in finding["tests"]}
    for test in sorted(outcome.not_passed() - shown):
        yield f"{test} failed, but not because of a finding"
    for test in sorted(shown - outcome.not_passed()):
        yield f"{test} passed in spite of its finding"


def complaints_unguarded(outcome: Outcome) -> list[str]:
    """How a run without the guard differs from "all tests pass"."""
    if outcome.status == 0 and outcome.tests and not outcome.not_passed():
        return []
    return [f"without the guard: exit status {outcome.status}, {sorted(outcome.not_passed())}"]


def _place(finding: dict[str, Any]) -> str:
    return f"{finding['location']['path']}:{finding['location']['line']}"


# -- telling -----------------------------------------------------------------------------------


def judge(example: Example) -> tuple[Example, Outcome, list[str]]:
    """Run one example, the broken ones without the guard as well."""
    outcome = run(example)
    wrong = complaints(example, outcome)
    if example.expected:
        wrong += complaints_unguarded(run(example, guarded=False))
    return example, outcome, wrong


def tell(example: Example, outcome: Outcome, wrong: list[str]) -> None:
    """Print the account of one example."""
    print(f"\n{example.name}")
    print(f"    {ABOUT.get(example.name, '')}")
    count = f"{len(outcome.tests)} test{'s' if len(outcome.tests) != 1 else ''}"
    if example.expected:
        print(f"    {count}, passing without the guard; with it:")
    for finding in outcome.findings:
        print(f"      {finding['code']} {finding['name']} at {_place(finding)}")
        print(f"        {_source(example, finding['location'])}")
    if not outcome.findings and not wrong:
        print(f"    {count}: silent, as it should be")
    for text in wrong:
        print(f"  ! {text}")
    if wrong and not outcome.tests:
        print(*(f"  | {line}" for line in outcome.output.splitlines()[-30:]), sep="\n")
    sys.stdout.flush()


def full_finding(output: str) -> str:
    """The first failure as pytest printed it, without the sections that follow it."""
    _, _, failures = output.partition(" FAILURES ")
    match = re.search(r"^_+ [^\n]* _+$.*?(?=^[_=-]{2,} )", failures, re.M | re.S)
    return match[0].rstrip() if match is not None else ""


def failing_order(output: str) -> list[str]:
    """The picture of the order in which a test failed; empty if there is none."""
    lines = output.partition("sessionguard: the order of the workers")[2].splitlines()[1:]
    ends = (number for number, line in enumerate(lines) if line.startswith(("-", "=", "_")))
    return lines[: next(ends, len(lines))]


def show_order(outcome: Outcome) -> list[str]:
    """Print how the workers made the bug happen, and repeat it; complaints if that fails."""
    example = next(each for each in examples() if each.name == SHOWN_IN_ORDER)
    order = failing_order(outcome.output)
    token = next((finding["replay"] for finding in outcome.findings), None)
    if not order or token is None:
        return ["it does not tell the order in which it failed"]
    print(f"\nThe workers of {example.name} take turns; in this order the bug happens:\n")
    print(*(f"  {line}" for line in order), sep="\n")
    replay = f"--sessionguard-replay={token}"
    again = run(example, replay)
    print("\nThe same order again, as often as you like (paste this):\n")
    python = shlex.quote(sys.executable)
    folder = shlex.quote(str(example.folder))
    print(f"  cd {folder} && {python} -m pytest -p sessionguard {replay}")
    if again.status != 1 or failing_order(again.output) != order:
        return [f"the replay did not repeat it, exit status {again.status}"]
    return []


def main(names: list[str]) -> int:
    """Run the examples, two at a time, and tell what came out."""
    began = time.perf_counter()
    chosen = [each for each in examples() if not names or each.name.startswith(tuple(names))]
    if not chosen:
        print(f"no example is called {' or '.join(names)}", file=sys.stderr)
        return 2
    print("pytest-sessionguard watches the ordinary, passing tests of small apps.", flush=True)
    bad, full, ordered = [], "", None
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for example, outcome, wrong in pool.map(judge, chosen):
            tell(example, outcome, wrong)
            bad += [example.name] if wrong else []
            if example.name == SHOWN_IN_FULL:
                full = full_finding(outcome.output)
            if example.name == SHOWN_IN_ORDER:
                ordered = outcome
    if full:
        print(f"\nOne finding in full (cd examples/{SHOWN_IN_FULL}; pytest -p sessionguard):\n")
        print(full)
    for text in show_order(ordered) if ordered is not None else ():
        print(f"  ! {text}")
        bad += [SHOWN_IN_ORDER]
    seconds = time.perf_counter() - began
    print(
        f"\n{len(chosen) - len(bad)} of {len(chosen)} examples as they should be, {seconds:.0f} s"
    )
    if bad:
        print(f"not as they should be: {', '.join(bad)}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

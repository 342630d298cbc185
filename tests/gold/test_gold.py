"""The corpus: reported bugs with their mended twins, and correct programs that look suspicious.

Each is a small app with the ordinary test of its team, which passes without the guard. It is run
as a user would run it: in a process of its own, in its own folder, with ``-p sessionguard``.
"""

import json
import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
BUGS = sorted(
    path.parent for room in ("wsgi", "asgi") for path in (HERE / room).glob("*/expect.json")
)
CORRECT = sorted(path for path in (HERE / "correct").iterdir() if path.is_dir())

STACKS_AFTER, KILLED_AFTER = 60, 120  # seconds; a hang in CI shows where every thread stood

UNUSED = ("faker", "pytest_cov", "xdist", "xdist.looponfail")
"""Plugins that no program needs; Faker's alone takes half a second to be imported."""

NEEDS = {"broad_scope_fixtures": ("pytest-asyncio", (0, 24))}  # loop_scope= is new there


def skip_if_too_old(case):
    package, wanted = NEEDS.get(case.name, ("pytest", (0,)))
    installed = tuple(int(part) for part in metadata.version(package).split(".")[:2])
    if installed < wanted:
        pytest.skip(f"needs {package} {'.'.join(map(str, wanted))}")


def as_text(output):
    """What a killed process had written: None, or bytes even where text was asked for."""
    return output.decode(errors="replace") if isinstance(output, bytes) else output or ""


def run(folder, where, *options):
    """Run the tests of a copy of ``folder`` under the guard; the process and its report."""
    copy, report = where / "app", where / "report.json"
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("__pycache__"))
    if not (copy / "pytest.ini").exists():  # pytest would take one above, such as nox's, for theirs
        (copy / "pytest.ini").write_text("[pytest]\n")
    command = [
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "sessionguard",
        *(f"-pno:{name}" for name in UNUSED), "-o", f"faulthandler_timeout={STACKS_AFTER}",
        f"--sessionguard-report=json:{report}", *options,
    ]  # fmt: skip
    try:
        done = subprocess.run(
            command, cwd=copy, capture_output=True, text=True, timeout=KILLED_AFTER, check=False,
            env={name: val for name, val in os.environ.items() if not name.startswith("PYTEST_")},
        )  # fmt: skip
    except subprocess.TimeoutExpired as late:
        pytest.fail(f"{as_text(late.stdout)}\n{as_text(late.stderr)}", pytrace=False)
    assert report.exists(), done.stdout + done.stderr
    assert "switched off" not in done.stdout, done.stdout
    return done, json.loads(report.read_text())


def marked_lines(folder):
    """The lines with a ``# MEND`` comment, as path:line."""
    return {
        f"{path.relative_to(folder).as_posix()}:{number}"
        for path in folder.rglob("*.py")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if "# MEND" in line
    }


def told(report):
    return [
        (found["code"], f"{found['location']['path']}:{found['location']['line']}")
        for found in report["findings"]
    ]


@pytest.mark.parametrize("case", BUGS, ids=lambda path: path.name)
def test_a_reported_bug_is_found_at_the_line_to_mend(case, tmp_path):
    expected = json.loads((case / "expect.json").read_text())
    done, report = run(case / "broken", tmp_path)
    assert done.returncode == 1, done.stdout
    found = told(report)
    assert {code for code, _ in found} <= set(expected["codes"]), found
    assert marked_lines(case / "broken") & {line for _, line in found}, found


@pytest.mark.parametrize("case", BUGS, ids=lambda path: path.name)
def test_its_mended_twin_is_silent(case, tmp_path):
    done, report = run(case / "mended", tmp_path)
    assert told(report) == []
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("case", CORRECT, ids=lambda path: path.name)
def test_a_correct_program_is_silent(case, tmp_path):
    skip_if_too_old(case)
    done, report = run(case, tmp_path)
    assert told(report) == []
    assert done.returncode == 0, done.stdout

"""The progress of a long search: on a terminal, and nowhere else."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys

import pytest

PROGRAM = """
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session


@pytest.mark.concurrent_sessions(workers=2, schedules=7, strategy="random")
def test_it(tmp_path):
    with Session(create_engine(f"sqlite:///{tmp_path}/it.db")) as session:
        session.execute(text("SELECT 1"))
"""
AT_ONCE = """
from pytest_sessionguard.reports import progress

progress.AFTER = progress.EVERY = 0.0
"""


def on_a_terminal(suite, **environment: str) -> str:
    """What a run writes to a terminal of its own."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("CI", "TERM")}
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "pytest", "-p", "sessionguard", "-p", "no:cacheprovider"]
    process = subprocess.Popen(
        command, cwd=suite.path, stdin=theirs, stdout=theirs, stderr=theirs,
        env={**inherited, "TERM": "xterm", **environment},
    )  # fmt: skip
    os.close(theirs)
    told = b""
    try:
        while chunk := os.read(ours, 4096):
            told += chunk
    except OSError:
        pass  # how a terminal tells that nobody is left at the other end
    finally:
        os.close(ours)
    assert process.wait() == 0, told.decode()
    return told.decode()


@pytest.fixture
def long(suite):
    suite.write(test_it=PROGRAM, conftest=AT_ONCE)
    return suite


def test_a_terminal_is_told_and_nothing_is_left_behind(long):
    told = on_a_terminal(long)

    counts = re.findall(r"\x1b7\x1b\[K sessionguard: (\d+) executions\x1b8", told)
    assert counts == [str(number) for number in range(1, 8)]
    assert "\x1b8\x1b[K" in told, "the last one is erased"


def test_ci_is_told_nothing_though_it_has_a_terminal(long):
    assert "\x1b7" not in on_a_terminal(long, CI="true")


def test_a_pipe_is_told_nothing(long):
    ran = long.guard()
    ran.outcomes(passed=1)
    assert "\x1b7" not in ran.text

"""``conftest_example.py`` is what a user pastes: it must run as it is."""

from __future__ import annotations

from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[2] / "conftest_example.py"
TESTS = """
import pytest
from sqlalchemy import text


@pytest.mark.concurrent_sessions(workers=2, schedules=5, strategy="random")
def test_each_worker_has_a_session_of_its_own(isolated_session):
    assert isolated_session.scalar(text("SELECT 1")) == 1


def test_without_workers_too(isolated_session, isolated_sessions):
    other = isolated_sessions()
    assert other is not isolated_session
    assert other.scalar(text("SELECT 2")) == 2
"""


def test_the_example_runs_as_it_is(suite):
    suite.write(conftest=EXAMPLE.read_text(encoding="utf-8"), test_shop=TESTS)
    ran = suite.guard()
    ran.outcomes(passed=2)
    assert ran.report["searches"][0]["executions"] == 5


MEMORY = """
import pytest
from sqlalchemy import create_engine


@pytest.fixture
def sessionguard_engine():
    return create_engine("sqlite://")
"""


def test_two_sessions_on_one_connection_are_refused_in_one_line(suite):
    suite.write(conftest=MEMORY, test_shop=TESTS)
    ran = suite.guard()
    ran.outcomes(passed=1, failed=1)
    assert "isolated_sessions: this engine has one connection for everybody" in ran.text

"""Corners of running a test again: wide fixtures that come late, expected failures, two errors."""

from __future__ import annotations

MODEL = """
import pytest
from sqlalchemy import create_engine, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import StaticPool


class Base(DeclarativeBase):
    pass


class Stock(Base):
    __tablename__ = "stock"
    id: Mapped[int] = mapped_column(primary_key=True)
    left: Mapped[int]


memory = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
with memory.connect() as connection:
    connection.exec_driver_sql("create table other (id integer)")


@pytest.fixture(scope="module")
def tables():
    Base.metadata.create_all(memory)
    with Session(memory) as session:
        session.add(Stock(id=1, left=10))
        session.commit()


@pytest.fixture
def lazily(request):
    request.getfixturevalue("tables")


def buy():
    with Session(memory) as session:
        session.execute(update(Stock).values(left=Stock.left - 1))
        session.commit()
"""
LATE = """
def test_buy(lazily, concurrently):
    concurrently(buy, workers=2)
"""
KNOWN_RACE = """
@pytest.mark.xfail(strict=True)
def test_race(lazily, concurrently):
    shared = Session(memory)
    concurrently(lambda: shared.get(Stock, 1), workers=2)


@pytest.mark.xfail(strict=True)
def test_no_race(lazily, concurrently):
    concurrently(buy, workers=2)
"""
TWO_ERRORS = """
@pytest.fixture(scope="module")
def wide():
    yield
    raise LookupError("wide")


@pytest.fixture
def narrow():
    yield
    raise KeyError("narrow")


def test_both(wide, narrow, concurrently):
    concurrently(lambda: 1, workers=2)
"""


def run(suite, body):
    suite.write(test_program=MODEL + body)
    return suite.guard("--sessionguard-schedules=8", "--sessionguard-strategy=random")


def test_what_a_late_wide_fixture_wrote_stays_for_the_next_execution(suite):
    ran = run(suite, LATE)
    ran.outcomes(passed=1)
    assert ran.report["searches"][0]["executions"] == 8


def test_a_known_race_may_be_expected_to_fail_and_only_that(suite):
    ran = run(suite, KNOWN_RACE)
    ran.outcomes(xfailed=1, failed=1)
    assert [found["tests"] for found in ran.report["findings"]] == [["test_program.py::test_race"]]
    assert "XPASS(strict)" in ran.text


def test_an_error_of_each_teardown_is_told(suite):
    ran = run(suite, TWO_ERRORS)
    assert "KeyError: 'narrow'" in ran.text
    assert "LookupError: wide" in ran.text

"""What is told of a failing order: repeated, in its simplest form, as a picture."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

STOCK = """
import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class Stock(Base):
    __tablename__ = "stock"
    id: Mapped[int] = mapped_column(primary_key=True)
    left: Mapped[int]


@pytest.fixture
def engine(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/stock.db")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Stock(id=1, left=10))
        session.commit()
    return engine


def buy(engine):
    with Session(engine) as session:
        stock = session.get(Stock, 1)
        stock.left -= 1
        session.commit()
        return stock.left
"""
THREE = (
    STOCK
    + """

@pytest.mark.concurrent_sessions(workers=3)
def test_three(engine):
    with Session(engine) as session:
        stock = session.get(Stock, 1)
        was = stock.left
        stock.left -= 1
        session.commit()
        assert stock.left == was - 1
"""
)
PICTURE = "sessionguard: the order of the workers"


def picture(text: str) -> list[str]:
    """The lines of the first one."""
    lines = text.partition(PICTURE)[2].splitlines()[1:]
    end = next(number for number, line in enumerate(lines) if re.match("[-=_]{3}|FAILED", line))
    return lines[:end]


@pytest.fixture
def three(suite):
    suite.write(test_it=THREE)
    return suite


def test_two_of_three_workers_and_one_preemption_are_enough(three):
    ran = three.guard()
    ran.outcomes(failed=1)
    (search,) = ran.report["searches"]
    assert search["workers"] == 3

    told = picture(ran.text)

    assert told[0].split() == ["worker", "0", "worker", "1"]
    column = told[0].index("worker 1")
    owners = [0 if line[:column].strip() else 1 for line in told[1:]]
    switches = sum(one != other for one, other in pairwise(owners))
    assert switches == 2, "from one worker to the other, and back"
    assert [line.split()[0] for line in told if "UPDATE" in line] == ["UPDATE"] * 2


def test_what_is_told_is_what_the_token_repeats(three):
    first = three.guard()
    (finding,) = first.report["findings"]

    again = three.guard(f"--sessionguard-replay={finding['replay']}")

    again.outcomes(failed=1)
    assert [each["replay"] for each in again.report["findings"]] == [finding["replay"]]
    assert picture(again.text) == picture(first.text)
    assert "left its recorded way" not in again.text


ONCE = (
    STOCK
    + """

executions = []


def test_once(engine, concurrently):
    executions.append(1)
    concurrently(lambda: buy(engine), workers=2)
    assert len(executions) != 3
"""
)


def test_a_failure_that_does_not_come_again_is_told_as_such(suite):
    suite.write(test_it=ONCE)
    ran = suite.guard("--sessionguard-schedules=3")
    ran.outcomes(failed=1)
    assert "the same order did not fail again when it was repeated" in ran.text


SERIAL = (
    STOCK
    + """

def test_serial(engine, concurrently):
    concurrently(lambda: buy(engine), workers=2)
    assert False
"""
)


def test_what_fails_in_every_order_is_told_in_the_serial_one(suite):
    suite.write(test_it=SERIAL)
    ran = suite.guard()
    ran.outcomes(failed=1)
    assert "the workers ran one after the other: their order is not the reason" in ran.text
    assert ran.report["findings"] == []
    told = picture(ran.text)
    column = told[0].index("worker 1")
    owners = [0 if line[:column].strip() else 1 for line in told[1:]]
    assert owners == sorted(owners)

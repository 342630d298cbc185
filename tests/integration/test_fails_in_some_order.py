"""SG901: no Session is shared, and still the outcome hangs on the order."""

from __future__ import annotations

import pytest

PROGRAM = """
import pytest
from sqlalchemy import create_engine, func, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class Stock(Base):
    __tablename__ = "stock"
    id: Mapped[int] = mapped_column(primary_key=True)
    left: Mapped[int]


class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    mail: Mapped[str]


@pytest.fixture
def engine(tmp_path):
    engine = create_engine(f"sqlite:///{{tmp_path}}/shop.db")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Stock(id=1, left=10))
        session.commit()
    yield engine
    engine.dispose()


def value(engine, query):
    with Session(engine) as session:
        return session.scalar(query)


{body}
"""
LOST_UPDATE = """
def test_it(engine, concurrently):
    def buy():
        with Session(engine) as session:
            session.get(Stock, 1).left -= 1
            session.commit()  # mend

    concurrently(buy)
    assert value(engine, select(Stock.left)) == 8  # here
"""
ATOMIC = """
def test_it(engine, concurrently):
    def buy():
        with Session(engine) as session:
            session.execute(update(Stock).values(left=Stock.left - 1))
            session.commit()

    concurrently(buy)
    assert value(engine, select(Stock.left)) == 8
"""
CHECK_THEN_INSERT = """
def test_it(engine, concurrently):
    def register():
        with Session(engine) as session:
            if session.scalar(select(User).where(User.mail == "a@b.c")) is None:
                session.add(User(mail="a@b.c"))
                session.commit()  # mend

    concurrently(register)
    assert value(engine, select(func.count(User.id))) == 1  # here
"""
FAILS_ALWAYS = """
def test_it(engine, concurrently):
    def buy():
        with Session(engine) as session:
            session.execute(update(Stock).values(left=Stock.left - 1))
            session.commit()

    concurrently(buy)
    assert value(engine, select(Stock.left)) == 9
"""


def run(suite, body):
    suite.write(test_program=PROGRAM.format(body=body))
    return suite.guard("--sessionguard-schedules=40")


@pytest.mark.parametrize("body", [LOST_UPDATE, CHECK_THEN_INSERT], ids=["lost", "twice"])
def test_an_outcome_that_hangs_on_the_order_is_told_with_the_write(suite, body):
    ran = run(suite, body)
    ran.outcomes(failed=1)
    [found] = ran.report["findings"]
    line = suite.line_of("test_program", "# mend")
    assert (found["code"], found["location"]["line"]) == ("SG901", line)
    assert len(found["sides"]) == 2
    raised = {"path": "test_program.py", "line": suite.line_of("test_program", "# here")}
    assert any(raised.items() <= each["location"].items() for each in found["related"])
    assert found["replay"]
    assert 1 < ran.report["searches"][0]["first_finding"] <= 10


def test_a_finding_of_an_order_is_replayed_though_nothing_passed_before_it(suite):
    token = run(suite, LOST_UPDATE).report["findings"][0]["replay"]
    again = suite.guard(f"--sessionguard-replay={token}")
    again.outcomes(failed=1)
    assert [found["replay"] for found in again.report["findings"]] == [token]


def test_the_mended_twin_passes_in_every_order(suite):
    ran = run(suite, ATOMIC)
    ran.outcomes(passed=1)
    assert ran.codes == []


def test_what_fails_serially_too_is_no_finding(suite):
    ran = run(suite, FAILS_ALWAYS)
    ran.outcomes(failed=1)
    assert ran.codes == []
    assert "the workers ran one after the other" in ran.text

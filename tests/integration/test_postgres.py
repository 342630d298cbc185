"""PostgreSQL: who waits for a row lets others go on at once, and a cycle of rows is told."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

psycopg = pytest.importorskip("psycopg")

PROGRAM = """
import threading

import pytest
from pytest_sessionguard.schedule.turns import Turns
from sqlalchemy import create_engine, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

# A COMMIT that waits for a slow disk looks, from this process, like a wait for something unknown.
unflushed = {"options": "-c synchronous_commit=off"}
engine = create_engine("postgresql+psycopg:///{database}", connect_args=unflushed)
lock = threading.Lock()


class Base(DeclarativeBase):
    pass


class Stock(Base):
    __tablename__ = "stock"
    id: Mapped[int] = mapped_column(primary_key=True)
    left: Mapped[int]


@pytest.fixture(scope="module", autouse=True)
def tables():
    Base.metadata.create_all(engine)
    yield
    Base.metadata.drop_all(engine)
    engine.dispose()


@pytest.fixture(autouse=True)
def rows():
    with Session(engine) as session:
        session.query(Stock).delete()
        session.add_all([Stock(id=1, left=10), Stock(id=2, left=10)])
        session.commit()


@pytest.fixture(autouse=True)
def nobody_astray(monkeypatch):
    strayed = []
    plain = Turns.let_astray

    def let_astray(self, **known):
        return plain(self, **known) and not strayed.append(1)

    monkeypatch.setattr(Turns, "let_astray", let_astray)
    yield
    assert strayed == []


def take(session, number):
    session.execute(update(Stock).where(Stock.id == number).values(left=Stock.left - 1))


def taking(*numbers):
    def work():
        with Session(engine) as session:
            for number in numbers:
                take(session, number)  # held waits
            session.commit()
    return work


def left():
    with Session(engine) as session:
        return session.get(Stock, 1).left


{body}
"""

CROSSED = """
def test_it(concurrently):
    concurrently(taking(1, 2), taking(2, 1))
"""
LOCK_AND_ROW = """
def test_it(concurrently):
    def under_the_lock():
        with lock:  # held
            taking(1)()

    def other():
        with Session(engine) as session:
            take(session, 1)
            with lock:  # waits
                session.commit()

    concurrently(under_the_lock, other)
"""
ATOMIC = """
def test_it(concurrently):
    concurrently(taking(1), workers=3)
    assert left() == 7
"""
IN_CHILDREN = """
def test_it(concurrently):
    def in_a_thread():
        thread = threading.Thread(target=taking(1))
        thread.start()
        thread.join()

    concurrently(in_a_thread, workers=2)
    assert left() == 8
"""
ORDERED = """
def test_it(concurrently):
    concurrently(taking(1, 2), workers=2)
    assert left() == 8
"""
FOR_UPDATE = """
def test_it(concurrently):
    def buy():
        with Session(engine) as session:
            session.get(Stock, 1, with_for_update=True).left -= 1
            session.commit()

    concurrently(buy, workers=2)
    assert left() == 8
"""
RETRIED = """
from sqlalchemy.exc import OperationalError


def test_it(concurrently):
    def until_done(work):
        def works():
            while True:
                try:
                    return work()
                except OperationalError:
                    pass
        return works

    concurrently(until_done(taking(1, 2)), until_done(taking(2, 1)))
    assert left() == 8
"""


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """A database of its own, where a server may be asked for one."""
    name = f"sessionguard_{os.getpid()}"
    try:
        server = psycopg.connect("dbname=postgres", autocommit=True, connect_timeout=3)
    except psycopg.OperationalError:
        pytest.skip("no PostgreSQL server; PGHOST, PGUSER and PGPASSWORD name another")
    with server:
        server.execute(f"CREATE DATABASE {name}")
        yield name
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def run(suite, database: str, body: str, *arguments: str):
    suite.write(test_program=PROGRAM.replace("{database}", database).replace("{body}", body))
    return suite.guard("--sessionguard-schedules=60", *arguments)


@pytest.mark.parametrize("body", [CROSSED, LOCK_AND_ROW], ids=["rows", "a lock and a row"])
def test_a_cycle_with_rows_in_it_is_told_and_repeats(suite, database, body):
    ran = run(suite, database, body)
    [found] = ran.report["findings"]
    assert found["code"] == "SG601"
    lines = {suite.line_of("test_program", "# held waits")}
    if body == LOCK_AND_ROW:
        lines |= {suite.line_of("test_program", "with lock:  # held")}
    told = {site["line"] for side in found["sides"] for site in side["stack"]}
    assert lines <= told
    again = suite.guard(f"--sessionguard-replay={found['replay']}")
    assert again.codes == ["SG601"]
    assert again.report["findings"][0]["message"] == found["message"]


@pytest.mark.parametrize(
    "body",
    [ATOMIC, IN_CHILDREN, ORDERED, FOR_UPDATE, RETRIED],
    ids=["atomic", "in children", "ordered", "locked", "retried"],
)
def test_who_only_waits_for_a_row_is_silent_in_every_order(suite, database, body):
    ran = run(suite, database, body)
    assert ran.status == 0, ran.text
    assert ran.codes == []
    assert ran.report["searches"][0]["executions"] > 1

"""On real programs that are small enough, the reduced search finds what every single order shows."""

from __future__ import annotations

import json

CONFTEST = """
import json

from pytest_sessionguard import explore, rerun
from pytest_sessionguard.schedule import strategies

strategies.PREEMPTIONS = 99
explore._is_to_go_on = lambda search, reports: True
plain = explore.Explorer._fresh


def fresh(self, search, schedule, known):
    '''Write down what an execution shows, and go on as if it had shown nothing.'''
    told = plain(self, search, schedule, known)
    shown = [told.shown.outcome, sorted(told.shown.findings)]
    with open("shown.txt", "a") as log:
        log.write(json.dumps([search.item.name, *shown]) + "\\n")
    return told._replace(shown=told.shown._replace(outcome=rerun.PASSED, damaged=False))


explore.Explorer._fresh = fresh
"""
PROGRAMS = """
import threading

import pytest
from sqlalchemy import create_engine, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, scoped_session, sessionmaker
from sqlalchemy.pool import QueuePool


class Base(DeclarativeBase):
    pass


class Stock(Base):
    __tablename__ = "stock"
    id: Mapped[int] = mapped_column(primary_key=True)
    left: Mapped[int]


@pytest.fixture
def engine(tmp_path):
    engine = create_engine(
        f"sqlite:///{tmp_path}/shop.db", poolclass=QueuePool, pool_size=5, max_overflow=0
    )
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Stock(id=1, left=10))
        session.commit()
    yield engine
    engine.dispose()


def left(engine):
    with engine.connect() as connection:
        return connection.scalar(select(Stock.left))


def put(engine, number):
    with engine.begin() as connection:
        connection.execute(update(Stock).values(left=number))


def test_lost_update(engine, concurrently):
    concurrently(lambda: put(engine, left(engine) - 1))
    assert left(engine) == 8


def test_lost_update_of_sessions(engine, concurrently):
    def buy():
        session = Session(engine, autobegin=True)
        stock = session.connection().scalar(select(Stock.left))
        session.connection().execute(update(Stock).values(left=stock - 1))
        session.commit()

    concurrently(buy, lambda: put(engine, 20))
    assert left(engine) == 20


def test_shared_session(engine, concurrently):
    session = Session(engine)
    concurrently(lambda: session.add(Stock(left=1)), session.rollback)


def test_removed_by_another(engine, concurrently):
    registry = scoped_session(sessionmaker(engine), scopefunc=lambda: "app")

    def use():
        stock = Stock(id=1, left=1)
        registry.add(stock)
        registry.expunge(stock)

    concurrently(use, registry.remove)


def test_who_comes_last(engine, concurrently):
    concurrently(lambda: put(engine, 1), lambda: put(engine, 2))
    assert left(engine) == 2


def test_who_comes_last_through_a_semaphore(engine, concurrently):
    free = threading.Semaphore(1)

    def put_alone(number):
        with free:
            put(engine, number)

    concurrently(lambda: put_alone(1), lambda: put_alone(2))
    assert left(engine) == 2


def test_who_comes_last_through_a_lazy_lock(engine, concurrently):
    locks = []

    def put_alone(number):
        put(engine, 0)
        if not locks:
            locks.append(threading.Lock())
        with locks[0]:
            put(engine, number)

    concurrently(lambda: put_alone(1), lambda: put_alone(2))
    assert left(engine) == 2


@pytest.fixture
def scarce(tmp_path, engine):
    scarce = create_engine(engine.url, poolclass=QueuePool, pool_size=2, max_overflow=0)
    yield scarce
    scarce.dispose()


def test_a_pool_that_runs_out(scarce, concurrently):
    def hold_and_wait():
        with scarce.connect(), scarce.connect() as second:
            second.execute(select(1))

    concurrently(hold_and_wait)
"""


def shown(suite, strategy):
    """What the executions of each program have shown, and how many there were."""
    log = suite.path / "shown.txt"
    log.unlink(missing_ok=True)
    ran = suite.guard(f"--sessionguard-strategy={strategy}", "--sessionguard-schedules=3000")
    assert all(search["cut"] != "schedules" for search in ran.report["searches"]), ran.text
    found, counts = {}, {}
    for line in log.read_text().splitlines():
        name, outcome, findings = json.loads(line)
        found.setdefault(name, set()).add((outcome, *findings))
        counts[name] = counts.get(name, 0) + 1
    return found, counts


def test_the_same_findings_as_full_enumeration(suite):
    suite.write(conftest=CONFTEST, test_it=PROGRAMS)
    reduced, few = shown(suite, "reduced")
    full, many = shown(suite, "bounded")
    assert reduced == full
    assert sum(few.values()) < sum(many.values()) / 3

"""Nobody can go on: told at once, with who holds what and who waits; mended, nothing is said."""

from __future__ import annotations

import pytest

MODEL = """
import threading

import pytest
from sqlalchemy import create_engine, event, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import QueuePool


class Base(DeclarativeBase):
    pass


class Stock(Base):
    __tablename__ = "stock"
    id: Mapped[int] = mapped_column(primary_key=True)
    left: Mapped[int]


def made(path, size=5, begin=None, wal=False):
    engine = create_engine(
        f"sqlite:///{path}/stock.db", poolclass=QueuePool, pool_size=size, max_overflow=0
    )
    if begin:
        event.listen(engine, "connect", lambda raw, _: by_hand(raw, wal))
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Stock(id=1, left=10))
        session.commit()
    return engine


def by_hand(raw, wal):
    raw.isolation_level = None
    raw.execute(f"PRAGMA journal_mode = {'wal' if wal else 'delete'}")


def look(session):
    return session.get(Stock, 1).left


def take(session):
    session.execute(update(Stock).values(left=Stock.left - 1))


one_lock, other_lock = threading.Lock(), threading.RLock()
"""

LOCKS = """
def test_it(concurrently, tmp_path):
    engine = made(tmp_path)

    def one():
        with one_lock:  # held
            with Session(engine) as session:
                look(session)
            with other_lock:  # waits
                pass

    def other():
        with {first}:  # held
            with Session(engine) as session:
                look(session)
            with {second}:  # waits
                pass

    concurrently(one, other)
"""
POOL = """
def test_it(concurrently, tmp_path):
    engine = made(tmp_path, size={size})

    def nested():
        with Session(engine) as outer:
            look(outer)  # held
            with Session(engine) as inner:
                look(inner)  # waits

    concurrently(nested, workers={workers})
"""
LEFT_BEHIND = """
kept = []


def test_it(concurrently, tmp_path):
    engine = made(tmp_path, size=1)

    def forgets(number):
        session = Session(engine)
        look(session)  # held waits
        {end}

    concurrently(forgets, workers=2)
    while kept:
        kept.pop().close()
"""
COLLECTED = """
def test_it(concurrently, tmp_path):
    engine = made(tmp_path, size=1)

    def in_a_cycle():
        session = Session(engine)
        look(session)
        cycle = [session]
        cycle.append(cycle)

    concurrently(in_a_cycle, workers=2)
"""
LOCK_AND_POOL = """
def test_it(concurrently, tmp_path):
    engine = made(tmp_path, size={size})

    def one():
        with one_lock:  # held
            with Session(engine) as session:
                look(session)  # waits

    def other():
        with Session(engine) as session:
            look(session)  # held
            with one_lock:  # waits
                pass

    concurrently(one, other)
"""
LOCK_AND_SQLITE = """
def test_it(concurrently, tmp_path):
    engine = made(tmp_path)

    def one():
        with one_lock:  # held
            with Session(engine) as session:
                take(session)  # waits
                session.commit()

    def other():
        with Session(engine) as session:
            {statement}(session)  # held
            with one_lock:  # waits
                pass

    concurrently(one, other)
"""
UPGRADE = """
@pytest.mark.parametrize("wal", [False, True])
def test_it(concurrently, tmp_path, wal):
    engine = made(tmp_path, begin="{begin}", wal=wal)

    def buy():
        with Session(engine) as session:
            {first}(session)  # held
            {second}(session)  # waits
            session.commit()  # waits

    concurrently(buy, workers=2)
"""
RETRIED = """
from sqlalchemy.exc import OperationalError


@pytest.mark.parametrize("wal", [False, True])
def test_it(concurrently, tmp_path, wal):
    engine = made(tmp_path, begin="BEGIN", wal=wal)

    def buy():
        while True:
            try:
                with Session(engine) as session:
                    look(session)
                    take(session)
                    session.commit()
                    return
            except OperationalError:
                pass

    concurrently(buy, workers=2)
    with Session(engine) as session:
        assert look(session) == 8
"""
BACKS_OFF = """
def test_it(concurrently, tmp_path):
    engine = made(tmp_path)

    def taking(first, second):
        def work():
            done = False
            while not done:
                with first:
                    with Session(engine) as session:
                        look(session)
                    done = second.acquire(timeout=3600)
                    if done:
                        second.release()
        return work

    concurrently(taking(one_lock, other_lock), taking(other_lock, one_lock))
"""

BROKEN = {
    "two locks": ("SG601", LOCKS.format(first="other_lock", second="one_lock")),
    "a pool": ("SG402", POOL.format(size=2, workers=2)),
    "a pool alone": ("SG402", POOL.format(size=1, workers=1)),
    "a pool of three": ("SG402", POOL.format(size=3, workers=3)),
    "left behind": ("SG402", LEFT_BEHIND.format(end="kept.append(session)")),
    "lock and pool": ("SG402", LOCK_AND_POOL.format(size=1)),
    "lock and SQLite": ("SG601", LOCK_AND_SQLITE.format(statement="take")),
    "upgrade": ("SG601", UPGRADE.format(begin="BEGIN", first="look", second="take")),
}
MENDED = {
    "two locks": LOCKS.format(first="one_lock", second="other_lock"),
    "a pool": POOL.format(size=3, workers=2),
    "a pool for all": POOL.format(size=4, workers=3),
    "left behind": LEFT_BEHIND.format(end="session.close()"),
    "given back by the collector": COLLECTED,
    "lock and pool": LOCK_AND_POOL.format(size=2),
    "lock and SQLite": LOCK_AND_SQLITE.format(statement="look"),
    "begin immediate": UPGRADE.format(begin="BEGIN IMMEDIATE", first="look", second="take"),
    "update first": UPGRADE.format(begin="BEGIN", first="take", second="look"),
    "retried": RETRIED,
    "backs off": BACKS_OFF,
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_deadlock_names_every_line(suite, name):
    code, program = BROKEN[name]
    suite.write(test_program=MODEL + program)
    ran = suite.guard("--sessionguard-schedules=60")
    assert set(ran.codes) == {code}, ran.text
    found = ran.report["findings"][0]
    text = (suite.path / "test_program.py").read_text().splitlines()
    wanted = {mark: {n for n, line in enumerate(text, 1) if "#" in line and mark in line.split("#")[1]}
              for mark in ("held", "waits")}  # fmt: skip
    told = [{site["line"] for site in side["stack"]} for side in found["sides"]]
    assert all(lines & (wanted["held"] | wanted["waits"]) for lines in told), found["sides"]
    assert any(lines & wanted["held"] for lines in told)
    assert any(lines & wanted["waits"] for lines in told)
    assert "INTERNALERROR" not in ran.text


@pytest.mark.parametrize("name", MENDED)
def test_mended_nothing_is_said(suite, name):
    suite.write(test_program=MODEL + MENDED[name])
    ran = suite.guard("--sessionguard-schedules=60")
    assert ran.status == 0, ran.text
    assert ran.codes == []
    assert all(search["executions"] > 1 for search in ran.report["searches"])

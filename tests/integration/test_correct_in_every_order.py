"""Correct programs pass, and nothing is said, in every order up to the budget."""

from __future__ import annotations

import pytest

MODEL = """
import os
import queue
import threading
import time

import pytest
from sqlalchemy import create_engine, event, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, scoped_session, sessionmaker


class Base(DeclarativeBase):
    pass


class Stock(Base):
    __tablename__ = "stock"
    id: Mapped[int] = mapped_column(primary_key=True)
    left: Mapped[int]


def made(url="sqlite:///stock.db", **options):
    engine = create_engine(url, **options)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Stock(id=1, left=10))
        session.commit()
    return engine


def left(engine):
    with Session(engine) as session:
        return session.get(Stock, 1).left
"""

ATOMIC_UPDATE = """
@pytest.fixture
def engine(tmp_path):
    made_one = made(f"sqlite:///{tmp_path}/stock.db", connect_args={"timeout": TIMEOUT})
    yield made_one
    made_one.dispose()


def test_atomic_update(engine, concurrently):
    def buy():
        with Session(engine) as session:
            session.get(Stock, 1)
            session.execute(update(Stock).values(left=Stock.left - 1))
            session.commit()

    concurrently(buy, workers=WORKERS)
    assert left(engine) == 10 - WORKERS
"""

ISOLATED = """
@pytest.fixture
def sessionguard_engine(tmp_path):
    return made(f"sqlite:///{tmp_path}/stock.db")


@pytest.mark.concurrent_sessions(workers=2)
def test_own_sessions(isolated_session):
    stock = isolated_session.get(Stock, 1)
    stock.left -= 1
    isolated_session.commit()
    assert isolated_session.get(Stock, 1).left == 9
"""

LOCKED = """
def test_a_lock_protects_a_shared_session(concurrently, tmp_path):
    engine = made(f"sqlite:///{tmp_path}/stock.db")
    session, lock = Session(engine), threading.Lock()

    def buy():
        with lock:
            session.get(Stock, 1).left -= 1
            session.commit()

    concurrently(buy, workers=3)
    session.close()
    assert left(engine) == 7
"""

HANDED_OVER = """
def test_handed_over_by_queue(concurrently, tmp_path):
    engine, way = made(f"sqlite:///{tmp_path}/stock.db"), queue.Queue()

    def reads():
        session = Session(engine)
        way.put((session, session.get(Stock, 1)))

    def writes():
        session, stock = way.get()
        stock.left -= 1
        session.commit()
        session.close()

    concurrently(writes, reads)
    assert left(engine) == 9


def test_handed_over_by_event(concurrently, tmp_path):
    engine, ready, given = made(f"sqlite:///{tmp_path}/stock.db"), threading.Event(), []

    def reads():
        session = Session(engine)
        given.append((session, session.get(Stock, 1)))
        ready.set()

    def writes():
        ready.wait()
        session, stock = given.pop()
        stock.left -= 1
        session.commit()
        session.close()

    concurrently(writes, reads)
    assert left(engine) == 9


def test_joined(concurrently, tmp_path):
    engine = made(f"sqlite:///{tmp_path}/stock.db")

    def buys(number):
        with Session(engine) as session:
            thread = threading.Thread(target=lambda: session.get(Stock, 1))
            thread.start()
            thread.join()
            assert session.get(Stock, 1).left <= 10

    concurrently(buys, workers=2)
"""

SCOPED = """
def test_scoped_session_removed_on_threads(concurrently, tmp_path):
    engine = made(f"sqlite:///{tmp_path}/stock.db")
    registry = scoped_session(sessionmaker(bind=engine))

    def buy():
        registry.execute(update(Stock).values(left=Stock.left - 1))
        registry.commit()
        registry.remove()

    concurrently(buy, workers=2)
    assert left(engine) == 8
"""

MEMORY = """
from sqlalchemy.pool import StaticPool


@pytest.fixture
def engine():
    return made("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})


def test_in_memory(engine, concurrently):
    def buy():
        with Session(engine) as session:
            session.execute(update(Stock).values(left=Stock.left - 1))
            session.commit()

    concurrently(buy, workers=2)
    assert left(engine) == 8


def test_before_and_after(engine, concurrently):
    with Session(engine) as session:
        session.get(Stock, 1).left = 3
        session.commit()
    concurrently(lambda: left(engine), workers=2)
    assert left(engine) == 3
"""

FASTAPI = """
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient

engine = made()
app = FastAPI()


def get_db():
    with Session(engine) as session:
        yield session


@app.post("/buy")
def buy(db: Session = Depends(get_db)):
    db.execute(update(Stock).values(left=Stock.left - 1))
    db.commit()
    return {"left": db.get(Stock, 1).left}


@pytest.fixture
def client():
    with TestClient(app) as client:
        yield client


@pytest.mark.concurrent_sessions(workers=2, schedules=40)
def test_buy(client):
    assert client.post("/buy").json()["left"] in (8, 9)
"""

FLASK_SQLALCHEMY = """
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
db = SQLAlchemy(app)


class Order(db.Model):
    id = db.Column(db.Integer, primary_key=True)


@app.post("/orders")
def order():
    made = Order()
    db.session.add(made)
    db.session.commit()
    return {"id": made.id, "all": db.session.query(Order).count()}


@pytest.fixture
def client():
    with app.app_context():
        db.create_all()
        yield app.test_client()
        db.session.remove()
        db.drop_all()


@pytest.mark.concurrent_sessions(workers=2)
def test_order(client):
    assert client.post("/orders").json["all"] in (1, 2)


@pytest.mark.concurrent_sessions(workers=2)
def test_two_orders_in_one_context(client):
    client.post("/orders")
    assert client.post("/orders").json["all"] >= 2
"""

PROGRAMS = {
    **{
        f"atomic_update_{n}_{workers}": f"TIMEOUT, WORKERS = {n}, {workers}\n{ATOMIC_UPDATE}"
        for n in (0, 1, 5)
        for workers in (2, 3)
    },
    "isolated": ISOLATED,
    "locked": LOCKED,
    "handed_over": HANDED_OVER,
    "scoped": SCOPED,
    "memory": MEMORY,
    "fastapi": FASTAPI,
    "flask_sqlalchemy": FLASK_SQLALCHEMY,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_correct_program_passes_in_every_order(suite, name):
    suite.write(test_program=MODEL + PROGRAMS[name])
    ran = suite.guard("--sessionguard-schedules=60", plugins=("anyio",))
    assert ran.status == 0, ran.text + ran.errors
    assert ran.codes == []
    searches = ran.report["searches"]
    assert searches
    assert all(search["first_finding"] is None for search in searches)
    assert all(search["executions"] > 1 for search in searches), searches
    assert all(search["cut"] in (None, "schedules") for search in searches), "each wait is known"

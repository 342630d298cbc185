"""Only a marker or the fixture asks for the guard: it comes after the app, and must still be right."""

from __future__ import annotations

import pytest

SHOP = """
from flask import Flask
from sqlalchemy import create_engine, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import NullPool, StaticPool


class Base(DeclarativeBase):
    pass


class Stock(Base):
    __tablename__ = "stock"
    id: Mapped[int] = mapped_column(primary_key=True)
    left: Mapped[int]


engine = create_engine({engine})
app = Flask(__name__)


@app.post("/buy")
def buy():
    with Session(engine) as session:
        session.execute(update(Stock).values(left=Stock.left - 1))
        session.commit()
        return {{"left": session.get(Stock, 1).left}}
"""
TESTS = """
import pytest
from shop import Base, Session, Stock, app, engine


@pytest.fixture
def client():
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Stock(id=1, left=10))
        session.commit()
    yield app.test_client()
    Base.metadata.drop_all(engine)


@pytest.mark.concurrent_sessions(workers=2, schedules=25)
def test_buy(client):
    assert client.post("/buy").json["left"] in (8, 9)


def test_both(client, concurrently):
    concurrently(lambda: app.test_client().post("/buy"), workers=2)
    with Session(engine) as session:
        assert session.get(Stock, 1).left == 8
"""
ENGINES = {
    "file": '"sqlite:///shop.db"',
    "no_pool": '"sqlite:///shop.db", poolclass=NullPool',
    "memory": ('"sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False}'),
}


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
def test_an_engine_that_was_there_before_the_guard_is_isolated_too(suite, engine):
    suite.write(shop=SHOP.format(engine=engine), test_shop=TESTS)
    ran = suite.run("--sessionguard-schedules=25")
    ran.outcomes(passed=2)
    alone = suite.run()
    alone.outcomes(passed=2)
    assert "made earlier are not seen" in alone.text


def test_a_file_that_is_there_already_is_as_it_was_afterwards(suite):
    suite.write(shop=SHOP.format(engine=ENGINES["file"]), test_shop=TESTS)
    suite.run().outcomes(passed=2)
    suite.run().outcomes(passed=2)


@pytest.mark.parametrize("option", ["--collect-only", "--fixtures"])
def test_a_list_of_tests_or_fixtures_has_no_notes(suite, option):
    suite.write(shop=SHOP.format(engine='"sqlite://"'), test_shop=TESTS)
    assert "before the guard" not in suite.run(option, "-q").text

"""Which orders are tried, how many there are, and what is told of it."""

from __future__ import annotations

import pytest

SHOP = """
import pytest
from sqlalchemy import create_engine, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class Stock(Base):
    __tablename__ = "stock"
    id: Mapped[int] = mapped_column(primary_key=True)
    left: Mapped[int]


@pytest.fixture
def engine(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/shop.db")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Stock(id=1, left=10))
        session.commit()
    yield engine
    engine.dispose()
"""
ATOMIC = (
    SHOP
    + """

@pytest.mark.concurrent_sessions(workers=2, **MORE)
def test_it(engine):
    with Session(engine) as session:
        session.execute(update(Stock).values(left=Stock.left - 1))
        session.commit()
"""
)


def searched(suite, source, *arguments):
    suite.write(test_it=source)
    ran = suite.guard(*arguments)
    return ran, ran.report["searches"][0]


@pytest.mark.parametrize("name", ["systematic", "reduced", "bounded", "pct", "random"])
def test_a_strategy_is_chosen_by_marker_option_and_ini(suite, name):
    marked = f"MORE = dict(strategy={name!r}, seed=5, schedules=3)\n{ATOMIC}"
    plain = f"MORE = {{}}\n{ATOMIC}"
    suite.ini(f"sessionguard_strategy = {'pct' if name != 'pct' else 'random'}")
    _, by_marker = searched(suite, marked)
    few = "--sessionguard-schedules=3"
    _, by_option = searched(suite, plain, few, f"--sessionguard-strategy={name}")
    suite.ini(f"sessionguard_strategy = {name}", "sessionguard_seed = 5")
    _, by_ini = searched(suite, plain, few)
    assert [each["strategy"] for each in (by_marker, by_option, by_ini)] == [name] * 3


def test_a_drawn_order_that_fails_is_replayed(suite):
    source = SHOP + (
        "\n\ndef test_it(engine, concurrently):\n"
        "    def buy():\n"
        "        with Session(engine) as session:\n"
        "            session.get(Stock, 1).left -= 1\n"
        "            session.commit()\n\n"
        "    concurrently(buy)\n"
        "    with Session(engine) as session:\n"
        "        assert session.scalar(select(Stock.left)) == 8\n"
    )
    for name in ("pct", "random"):
        ran, search = searched(suite, source, f"--sessionguard-strategy={name}")
        [found] = ran.report["findings"]
        assert found["code"] == "SG901"
        assert 1 < search["first_finding"] <= 30
        again = suite.guard(f"--sessionguard-replay={found['replay']}")
        assert [each["replay"] for each in again.report["findings"]] == [found["replay"]]
        assert "left its recorded way" not in again.text

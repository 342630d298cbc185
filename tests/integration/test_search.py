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


def test_a_race_that_the_guard_cannot_see_is_found_by_an_order_besides(suite):
    """Nothing of what these workers touch meets: for the reduced search one order is enough."""
    source = SHOP + (
        "\n\ndef test_it(engine, concurrently):\n"
        "    sold = []\n\n"
        "    def buy():\n"
        "        before = len(sold)\n"
        "        with Session(engine) as session:\n"
        "            session.get(Stock, 1)\n"
        "        sold[:] = range(before + 1)\n\n"
        "    concurrently(buy)\n"
        "    assert len(sold) == 2\n"
    )
    ran, search = searched(suite, source, "--sessionguard-strategy=reduced")
    assert (search["executions"], search["first_finding"]) == (1, None)
    ran, search = searched(suite, source)
    ran.outcomes(failed=1)
    assert search["first_finding"] == 2
    assert "assert 1 == 2" in ran.text


# -- how much was tried --------------------------------------------------------------------------


def test_every_distinct_order_of_a_correct_program_is_told_in_one_line(suite):
    ran, search = searched(suite, f"MORE = {{}}\n{ATOMIC}", "-q")
    ran.outcomes(passed=1)
    assert (search["classes"], search["complete"], search["cut"]) == (2, True, None)
    told = [line for line in ran.text.splitlines() if "sessionguard" in line]
    assert told == ["sessionguard: 1 test searched, all 2 distinct orders"]
    ran, _ = searched(suite, f"MORE = {{}}\n{ATOMIC}", "-v")
    assert "sessionguard: test_it.py::test_it: all 2 distinct orders" in ran.text


def test_a_bound_is_told_and_is_not_complete(suite):
    ran, search = searched(suite, f"MORE = dict(preemptions=0)\n{ATOMIC}", "-v")
    assert (search["complete"], search["cut"]) == (False, "preemptions")
    assert "the one distinct order up to 0 preemptions" in ran.text


def test_a_budget_that_cuts_is_told_and_fails_the_gate_only_when_asked(suite):
    source = f"MORE = dict(schedules=1)\n{ATOMIC}"
    ran, search = searched(suite, source)
    assert (search["complete"], search["cut"]) == (False, "schedules")
    assert ran.status == 0
    assert "1 of about 3; raise --sessionguard-schedules" in ran.text
    ran, _ = searched(suite, source, "--sessionguard-require-complete")
    assert ran.status == 1
    ran.outcomes(passed=1)
    assert "--sessionguard-require-complete: not all orders were tried of test_it.py" in ran.text
    suite.ini("sessionguard_require_complete = true")
    assert searched(suite, source)[0].status == 1
    assert searched(suite, f"MORE = {{}}\n{ATOMIC}")[0].status == 0


def test_a_bad_value_of_the_gate_is_a_usage_error(suite):
    suite.ini("sessionguard_require_complete = maybe")
    suite.write(test_it="def test_it():\n    pass\n")
    ran = suite.run("-p", "sessionguard")
    assert ran.status == 4
    assert "sessionguard_require_complete is 'maybe'" in ran.errors


def test_a_wait_for_something_unknown_is_inconclusive(suite):
    source = f"MORE = {{}}\nimport threading, _thread\n{ATOMIC}".replace(
        "    with Session", "    READY.wait_for_the_other()\n    with Session"
    )
    suite.write(
        other="""
import subprocess, sys


class Ready:
    def __init__(self):
        self.count = 0

    def wait_for_the_other(self):
        self.count += 1
        import select
        if self.count % 2:
            select.select([], [], [], 0.6)
"""
    )
    source = "from other import Ready\nREADY = Ready()\n" + source
    ran, search = searched(suite, source, "--sessionguard-schedules=3")
    assert (search["complete"], search["cut"]) == (False, "uncontrolled waits")
    assert "inconclusive" in ran.text

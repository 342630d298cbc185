"""``--sessionguard-gevent``: when gevent patches."""

from __future__ import annotations

import pytest

SHOP = """
from flask import Flask
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, scoped_session, sessionmaker


class Base(DeclarativeBase):
    pass


class Order(Base):
    __tablename__ = "order"
    id: Mapped[int] = mapped_column(primary_key=True)


engine = create_engine("sqlite:///shop.db")
Base.metadata.create_all(engine)
registry = scoped_session(sessionmaker(engine))  # mend
app = Flask(__name__)


@app.post("/orders")
def order():
    order = Order()
    registry.add(order)
    registry.commit()
    return {"id": order.id}


@app.teardown_appcontext
def done(error):
    registry.remove()
"""
CONFTEST = """
import pytest
import threading

patched_here = "gevent" in threading.local.__module__
from shop import app


@pytest.fixture
def client():
    return app.test_client()
"""
TESTS = """
import pytest
import threading

import conftest


@pytest.mark.concurrent_sessions(workers=2, schedules=12)
def test_order(client):
    client.post("/orders")


def test_when(request):
    now = "gevent" in threading.local.__module__
    assert [conftest.patched_here, now] == {when}
"""


def run(suite, when, *arguments):
    suite.write(shop=SHOP, conftest=CONFTEST, test_shop=TESTS.format(when=when))
    return suite.guard("-W", "ignore::Warning", *arguments)


def test_early_patches_before_any_conftest_and_the_app_is_right(suite):
    ran = run(suite, [True, True], "--sessionguard-gevent=early")
    ran.outcomes(passed=2)
    assert ran.codes == []
    assert ran.report["searches"][0]["backend"] == "gevent"


def test_late_patches_after_collection_as_a_preloaded_server_meets_it(suite):
    ran = run(suite, [False, True], "--sessionguard-gevent=late")
    ran.outcomes(passed=1, failed=1)
    line = suite.line_of("shop", "# mend")
    found = {f["code"] for f in ran.report["findings"] if f["location"]["line"] == line}
    assert {"SG301", "SG303"} <= found
    assert ran.report["searches"][0]["backend"] == "gevent"


@pytest.mark.parametrize("given", [(), ("--sessionguard-gevent=off",)], ids=["default", "off"])
def test_off_patches_nothing_and_workers_are_threads(suite, given):
    ran = run(suite, [False, False], *given)
    ran.outcomes(passed=2)
    assert ran.report["searches"][0]["backend"] == "thread"


def test_the_ini_value_is_the_same(suite):
    suite.ini("sessionguard_gevent = early")
    run(suite, [True, True]).outcomes(passed=2)


def test_the_option_goes_before_the_ini_value(suite):
    suite.ini("sessionguard_gevent = early")
    run(suite, [False, False], "--sessionguard-gevent=off").outcomes(passed=2)


def test_a_bad_value_is_a_usage_error(suite):
    ran = run(suite, [True, True], "--sessionguard-gevent=soon")
    assert ran.status == 4
    assert "--sessionguard-gevent: 'soon' is not one of early, late, off" in ran.errors
    assert "Traceback" not in ran.errors

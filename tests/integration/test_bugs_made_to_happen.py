"""Famous bugs, from an ordinary test with the ordinary client: found in at most ten executions."""

from __future__ import annotations

import pytest

MODEL = """
import threading

import pytest
from flask import Flask
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, scoped_session, sessionmaker


class Base(DeclarativeBase):
    pass


class Booking(Base):
    __tablename__ = "booking"
    id: Mapped[int] = mapped_column(primary_key=True)
    guest: Mapped[str]


engine = create_engine("sqlite:///bookings.db")
Base.metadata.create_all(engine)
app = Flask(__name__)
{registry}


@app.post("/bookings")
def book():
    booking = Booking(guest="ann")
    registry.add(booking)
    registry.commit()
    return {{"id": booking.id, "guest": booking.guest}}, 201


@app.teardown_appcontext
def done(error):
    {teardown}


@pytest.fixture
def client():
    return app.test_client()


@pytest.mark.concurrent_sessions({arguments})
def test_booking(client):
    {test}
"""
STRICT = "assert client.post('/bookings').status_code == 201"
LAX = "client.post('/bookings')"


def program(
    registry, arguments="workers=2, backend='thread'", teardown="registry.remove()", test=LAX
):
    return MODEL.format(registry=registry, teardown=teardown, arguments=arguments, test=test)


THREADS = "registry = scoped_session(sessionmaker(engine))"
ONE_FOR_ALL = "registry = scoped_session(sessionmaker(engine), scopefunc=lambda: 'app')  # mend"
MODULE = "registry = Session(engine)  # mend"
LATE = f"{THREADS}  # mend\nfrom gevent import monkey\nmonkey.patch_all()"
EARLY = f"from gevent import monkey\nmonkey.patch_all()\n{MODEL}"
GEVENT = "workers=3, backend='gevent'"


def searched(suite, source, *arguments):
    suite.write(test_app=source)
    ran = suite.guard("-W", "ignore::Warning", *arguments)
    return ran, ran.report["searches"][0]


def at_the_line_to_mend(suite, ran):
    line = suite.line_of("test_app", "# mend")
    return {f["code"]: f for f in ran.report["findings"] if f["location"]["line"] == line}


@pytest.mark.parametrize("test", [LAX, STRICT], ids=["swallowed", "asserted"])
def test_a_scope_patched_too_late_shares_and_detaches(suite, test):
    ran, search = searched(suite, program(LATE, GEVENT, test=test))
    found = at_the_line_to_mend(suite, ran)
    assert ran.status == 1
    assert {"SG301", "SG303"} <= found.keys(), ran.text
    assert search["executions"] <= 10
    told = " ".join(line["what"] for line in found["SG303"]["related"])
    assert "lost its turn before" in told
    assert "DetachedInstanceError met here" in told, ran.text
    assert len(found["SG303"]["sides"]) == 2
    assert all("POST /bookings" in side["worker"] for side in found["SG303"]["sides"])
    assert found["SG303"]["replay"] in found["SG303"]["replay_command"]


def test_the_same_patched_first_is_silent_in_every_order(suite):
    patched_first = "from gevent import monkey\nmonkey.patch_all()\n" + program(THREADS, GEVENT)
    ran, search = searched(suite, patched_first, "--sessionguard-schedules=40")
    assert ran.status == 0, ran.text
    assert (ran.codes, search["executions"]) == ([], 40)


@pytest.mark.parametrize(
    ("registry", "teardown", "code"),
    [
        (ONE_FOR_ALL, "registry.remove()", "SG303"),
        (MODULE, "pass", "SG101"),
        (MODULE, "registry.close()", "SG101"),
    ],
    ids=["removed_by_other", "module_session", "closed_by_other"],
)
def test_a_session_shared_by_threads_is_found_with_the_damage(suite, registry, teardown, code):
    ran, search = searched(suite, program(registry, teardown=teardown))
    found = at_the_line_to_mend(suite, ran)
    assert ran.status == 1
    assert found, ran.text
    assert code in {*found, *(also for each in found.values() for also in each["also"])}
    assert search["first_finding"] <= 10
    assert search["executions"] <= 10


def test_the_same_with_a_session_for_each_thread_is_silent(suite):
    ran, search = searched(suite, program(THREADS), "--sessionguard-schedules=40")
    assert ran.status == 0, ran.text
    assert (ran.codes, search["first_finding"]) == ([], None)


SHARED_FIXTURE = """
import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class Item(Base):
    __tablename__ = "item"
    id: Mapped[int] = mapped_column(primary_key=True)


@pytest.fixture
def db(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/items.db")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        yield session


@pytest.mark.concurrent_sessions(workers=2)
def test_items(db):
    db.add(Item())
    db.commit()
"""


def test_a_session_that_only_the_test_shares_is_told_with_the_way_out(suite):
    ran, _ = searched(suite, SHARED_FIXTURE)
    [found] = ran.report["findings"]
    assert found["fix"].startswith("The test gives one Session to several workers")
    assert "isolated_session" in found["fix"]

"""What one worker waits for and another gives: known, so that nobody is ever astray, and nothing is said."""

from __future__ import annotations

import pytest

MODEL = """
{first}
import queue
import threading
from concurrent.futures import Future

import pytest
from pytest_sessionguard.schedule.turns import Turns
from sqlalchemy import create_engine, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

engine = create_engine("sqlite:///stock.db")


class Base(DeclarativeBase):
    pass


class Stock(Base):
    __tablename__ = "stock"
    id: Mapped[int] = mapped_column(primary_key=True)
    left: Mapped[int]


@pytest.fixture(autouse=True)
def rows():
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Stock(id=1, left=10))
        session.commit()
    yield
    engine.dispose()


@pytest.fixture(autouse=True)
def nobody_astray(monkeypatch):
    strayed = []
    plain = Turns.let_astray

    def let_astray(self, **known):
        held = self.holder
        return plain(self, **known) and not strayed.append(held)

    monkeypatch.setattr(Turns, "let_astray", let_astray)
    yield
    assert strayed == []


def take(session):
    session.execute(update(Stock).values(left=Stock.left - 1))


def look():
    with Session(engine) as session:
        return session.get(Stock, 1).left


{body}
"""

CONDITION = """
def test_it(concurrently):
    ready, given = threading.Condition({lock}), []

    def gives():
        session = Session(engine)
        take(session)
        with ready:
            given.append(session)
            look()
            ready.notify()

    def takes():
        with ready:
            {wait}
        given[0].commit()
        given[0].close()

    concurrently(takes, gives)
    assert look() == 9
"""
WHILE = "while not given: ready.wait()"
BARRIER = """
def test_it(concurrently):
    together = threading.Barrier(2)

    def work():
        look()
        together.wait()
        look()
        together.wait(timeout=60)

    concurrently(work, workers=2)
"""
SEMAPHORE = """
def test_it(concurrently):
    one, session = threading.BoundedSemaphore(1), Session(engine)

    def work():
        with one:
            take(session)
            session.commit()

    concurrently(work, workers=3)
    session.close()
    assert look() == 7
"""
QUEUE = """
def test_it(concurrently):
    way = {queue}

    def gives():
        session = Session(engine)
        take(session)
        way.put({item})

    def takes():
        session = way.get({timeout}){out}
        session.commit()
        session.close()

    concurrently(takes, gives)
    assert look() == 9
"""
QUEUE_JOINED = """
def test_it(concurrently):
    way = queue.Queue()

    def gives():
        session = Session(engine)
        take(session)
        way.put(session)
        way.join()
        session.close()

    def takes():
        way.get().commit()
        way.task_done()

    concurrently(takes, gives)
    assert look() == 9
"""
ROOM = """
def test_it(concurrently):
    way = queue.Queue(maxsize=1)

    def gives():
        for number in range(3):
            way.put(number)
            look()

    def takes():
        for number in range(3):
            look()
            assert way.get() == number

    concurrently(gives, takes)
"""
JOINED = """
def test_it(concurrently):
    known, threads, session = threading.Event(), [], Session(engine)

    def first():
        threads.append(threading.current_thread())
        known.set()
        take(session)

    def second():
        known.wait()
        threads[0].join()
        session.commit()
        session.close()

    concurrently(second, first)
    assert look() == 9
"""
FUTURE = """
def test_it(concurrently):
    promised = Future()

    def gives():
        session = Session(engine)
        take(session)
        promised.set_result(session)

    def takes():
        session = promised.result({timeout})
        session.commit()
        session.close()

    concurrently(takes, gives)
    assert look() == 9
"""
TIMEOUTS = """
def test_it(concurrently):
    never, empty, condition, order = threading.Event(), queue.Queue(), threading.Condition(), []

    def late():
        assert not never.wait(3600)
        order.append("late")

    def middle():
        with condition:
            assert not condition.wait_for(lambda: False, timeout=600)
        order.append("middle")

    def early():
        with pytest.raises(queue.Empty):
            empty.get(timeout=60)
        order.append("early")

    def busy():
        look()
        order.append("busy")

    concurrently(late, middle, early, busy)
    assert order == ["busy", "early", "middle", "late"]
"""
PATCHED = (
    "from gevent import monkey\nmonkey.patch_all()\nimport gevent.event, gevent.lock, gevent.queue"
)
GEVENT_LOCK = """
def test_it(concurrently):
    one, session = gevent.lock.{lock}, Session(engine)

    def work():
        with one:
            take(session)
            session.commit()

    concurrently(work, workers=3)
    session.close()
    assert look() == 7
"""
GEVENT_SIGNAL = """
def test_it(concurrently):
    signal, given = gevent.event.{signal}(), []

    def gives():
        session = Session(engine)
        take(session)
        given.append(session)
        signal.set()

    def takes():
        signal.{wait}
        given[0].commit()
        given[0].close()

    concurrently(takes, gives)
    assert look() == 9
"""

THREADS = {
    "condition": CONDITION.format(lock="", wait=WHILE),
    "condition of a lock": CONDITION.format(lock="threading.Lock()", wait=WHILE),
    "wait_for": CONDITION.format(lock="", wait="assert ready.wait_for(lambda: given, timeout=60)"),
    "barrier": BARRIER,
    "bounded semaphore": SEMAPHORE,
    "simple queue": QUEUE.format(queue="queue.SimpleQueue()", item="session", timeout="", out=""),
    "lifo": QUEUE.format(queue="queue.LifoQueue()", item="session", timeout="timeout=60", out=""),
    "priority": QUEUE.format(
        queue="queue.PriorityQueue()", item="(1, session)", timeout="", out="[1]"
    ),
    "queue joined": QUEUE_JOINED,
    "room": ROOM,
    "thread joined": JOINED,
    "future": FUTURE.format(timeout=""),
    "future with a timeout": FUTURE.format(timeout="timeout=60"),
    "timeouts": TIMEOUTS,
}
GREENLETS = {
    "lock": SEMAPHORE.replace("BoundedSemaphore(1)", "Lock()"),
    "semaphore": GEVENT_LOCK.format(lock="BoundedSemaphore(1)"),
    "rlock": GEVENT_LOCK.format(lock="RLock()"),
    "event": GEVENT_SIGNAL.format(signal="Event", wait="wait()"),
    "result": GEVENT_SIGNAL.format(signal="AsyncResult", wait="get(timeout=60)"),
    "queue": QUEUE.format(queue="gevent.queue.Queue()", item="session", timeout="", out=""),
    "standard queue": QUEUE.format(queue="queue.Queue()", item="session", timeout="", out=""),
    "condition": CONDITION.format(lock="", wait=WHILE),
}


def check(suite, program: str) -> None:
    suite.write(test_program=program)
    ran = suite.guard("--sessionguard-schedules=40", "-W", "ignore")
    assert ran.status == 0, ran.text
    assert ran.codes == []
    assert ran.report["searches"][0]["first_finding"] is None


@pytest.mark.parametrize("name", THREADS)
def test_threads(suite, name):
    check(suite, MODEL.replace("{first}", "").replace("{body}", THREADS[name]))


@pytest.mark.parametrize("name", GREENLETS)
def test_greenlets(suite, name):
    check(suite, MODEL.replace("{first}", PATCHED).replace("{body}", GREENLETS[name]))

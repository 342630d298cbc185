"""Correct suites that were reported once, where it takes several tests or files to see."""

MODELS = """
from sqlalchemy import create_engine, text
from sqlalchemy.orm import scoped_session, sessionmaker
from sqlalchemy.pool import StaticPool

Session = scoped_session(sessionmaker())


def is_open():
    return Session().is_active


def connect():
    Session.configure(bind=create_engine("sqlite://", poolclass=StaticPool))


def answer():
    return Session.scalar(text("SELECT 42"))
"""
IN_TWO_TESTS = """
import models


def test_without_a_database():
    assert models.is_open()


def test_with_one():
    models.Session.remove()
    models.connect()
    assert models.answer() == 42
"""
IN_ONE_TEST = """
import models


def test_both():
    assert models.is_open()
    models.connect()
    assert models.is_open()
"""


def test_an_unbound_session_of_an_earlier_test_is_not_kept(suite):
    suite.write(models=MODELS, test_models=IN_TWO_TESTS)
    ran = suite.guard()
    ran.outcomes(passed=2)


def test_an_unbound_session_of_the_same_test_is(suite):
    suite.write(models=MODELS, test_models=IN_ONE_TEST)
    assert suite.guard().codes == ["SG302"]


HELPERS = """
import pytest
from models import Session, connect


@pytest.fixture
def database():
    Session()  # before it is configured: that is what it tests
    connect()
"""
USING_HELPERS = """
from helpers import database
from models import Session, answer


def test_answer(database):
    Session.remove()
    assert answer() == 42
"""


def test_a_helper_of_the_tests_beside_their_folder_is_test_code(suite):
    suite.write(models=MODELS, helpers=HELPERS, test_models=USING_HELPERS)
    ran = suite.guard()
    ran.outcomes(passed=1)


SCOPED = """
import asyncio

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import AsyncSession, async_scoped_session, async_sessionmaker
from sqlalchemy.orm import scoped_session, sessionmaker

asked = []


def scope():
    asked.append(True)
    return "one scope"


def test_calls():
    Session = scoped_session(sessionmaker(create_engine("sqlite://")), scopefunc=scope)
    Session.execute(text("SELECT 1"))
    assert len(asked) == 1
    Session().commit()
    assert len(asked) == 2
    Session.remove()  # is there one, which is it, forget it
    assert len(asked) == 5
    Session.remove()
    assert len(asked) == 7


def test_refusal():
    def refuse():
        raise LookupError("no scope")

    with pytest.raises(LookupError):
        scoped_session(sessionmaker(), scopefunc=refuse).remove()


def test_async_calls():
    asked.clear()
    Session = async_scoped_session(async_sessionmaker(), scopefunc=scope)

    async def main():
        assert isinstance(Session(), AsyncSession)
        await Session.remove()
        await Session.remove()

    asyncio.run(main())
    assert len(asked) == 1 + 3 + 2
"""


def test_a_scope_function_is_not_asked_more_often(suite):
    suite.write(test_scopes=SCOPED)
    suite.run().outcomes(passed=3)
    ran = suite.guard()
    ran.outcomes(passed=3)
    assert ran.codes == []


IDENTITY = """
import abc
import asyncio
import asyncio.tasks
import gc
import queue
import threading
import warnings

import pytest


def test_types_of_asyncio():
    class Own(asyncio.Task, abc.ABC):
        pass

    async def main():
        task = asyncio.create_task(asyncio.sleep(0))
        assert type(task) is asyncio.Task is asyncio.tasks.Task
        assert isinstance(task, asyncio.Task) and isinstance(task, asyncio.Future)
        assert not isinstance(task, Own)
        handle = asyncio.get_running_loop().call_soon(print)
        timer = asyncio.get_running_loop().call_later(0, print)
        assert isinstance(handle, asyncio.Handle) and isinstance(timer, asyncio.Handle)
        assert type(timer) is asyncio.TimerHandle is asyncio.events.TimerHandle
        await task

    asyncio.run(main())


def test_types_of_locks():
    kind = type(queue.Queue().mutex)  # made by the standard library
    lock = threading.Lock()
    assert isinstance(lock, kind)
    assert type(lock) is type(threading.Lock())
    assert isinstance(threading.RLock(), type(threading.RLock()))
    assert not isinstance(threading.RLock(), kind)


@pytest.mark.parametrize("debug", [False, True])
def test_warning(debug):
    async def forgotten():
        pass

    async def main():
        forgotten()

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        asyncio.run(main(), debug=debug)
        gc.collect()
    (warning,) = said
    text = str(warning.message)
    assert text.splitlines()[0].endswith("forgotten' was never awaited")
    assert (len(text.splitlines()) > 1) is debug
    assert warning.filename == __file__
"""


def test_types_and_warnings_are_what_they_were(suite):
    suite.write(test_identity=IDENTITY)
    suite.run().outcomes(passed=4)
    suite.guard().outcomes(passed=4)

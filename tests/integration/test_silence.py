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
    Session()  # as an app without a database would
    connect()
    Session.remove()
"""
USING_HELPERS = """
from helpers import database
from models import answer


def test_answer(database):
    assert answer() == 42
"""


def test_a_helper_of_the_tests_beside_their_folder_is_test_code(suite):
    suite.write(models=MODELS, helpers=HELPERS, test_models=USING_HELPERS)
    ran = suite.guard()
    ran.outcomes(passed=1)

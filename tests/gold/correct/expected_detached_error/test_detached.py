"""A test that provokes DetachedInstanceError on purpose, to pin down a contract.

Suspicious: a detached instance really is asked for what it does not have, and the
error is swallowed.
Right: the line is the test's own, inside `pytest.raises(DetachedInstanceError)` (or
unittest's `assertRaises`): that it raises is exactly what the test is there to show.
"""

import unittest

import pytest
from app import Line
from sqlalchemy.orm.exc import DetachedInstanceError


def load_line(make_session):
    """Documented to return an expired instance: callers must merge it to read it."""
    with make_session() as session:
        line = Line(text="far away")
        session.add(line)
        session.commit()
    return line


def test_returned_instance_is_expired(make_session):
    line = load_line(make_session)
    with pytest.raises(DetachedInstanceError, match="not bound to a Session"):
        assert line.text
    with make_session() as session:
        session.add(line)
        assert line.text == "far away"


def test_expunged_instance_too(session):
    line = Line(text="near")
    session.add(line)
    session.commit()
    session.expunge(line)
    with pytest.raises(DetachedInstanceError):
        assert line.text


def test_with_assert_raises(make_session):
    case = unittest.TestCase()
    line = load_line(make_session)
    case.assertRaises(DetachedInstanceError, getattr, line, "text")

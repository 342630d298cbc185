"""Instances move from Session to Session: merge, add, expunge, make_transient, pickle.

Suspicious: an instance of one Session turns up in a second one, on another thread in
some cases, and is changed and written there.
Right: before it is attached to the second it has left the first (close or expunge), or
only a copy goes over (merge, pickle); all attributes that are read were loaded.
"""

import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest
from app import Line
from sqlalchemy import inspect, select
from sqlalchemy.orm import make_transient


@pytest.fixture
def line(make_session):
    """A detached instance, completely loaded."""
    with make_session(expire_on_commit=False) as session:
        line = Line(text="draft")
        session.add(line)
        session.commit()
    return line


def texts(make_session):
    with make_session() as session:
        return session.scalars(select(Line.text).order_by(Line.id)).all()


def test_add_instance_of_closed_session(make_session, line):
    line.text = "final"
    with make_session.begin() as second:
        second.add(line)
    assert texts(make_session) == ["final"]


def test_merge_detached_on_other_threads(make_session, line):
    def read_copy(_):
        with make_session() as own:
            copy = own.merge(line, load=False)
            return copy is not line and copy.text

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(read_copy, range(4))) == ["draft"] * 4
    assert inspect(line).detached


def test_expunge_then_add_elsewhere(make_session, line):
    with make_session() as first, make_session() as second:
        moved = first.get(Line, line.id)
        first.expunge(moved)
        first.rollback()
        second.add(moved)
        moved.text = "moved"
        second.commit()
    assert texts(make_session) == ["moved"]


def test_merge_from_a_living_session(make_session, line):
    with make_session() as first, make_session() as second:
        original = first.get(Line, line.id)
        copy = second.merge(original)
        copy.text = "copied"
        first.rollback()
        second.commit()
        assert original.text == "copied"


def test_make_transient_and_pickle(make_session, line):
    thawed = pickle.loads(pickle.dumps(line))
    make_transient(line)
    line.id = None
    with make_session.begin() as session:
        session.add(line)
        assert session.merge(thawed).text == "draft"
    assert texts(make_session) == ["draft", "draft"]

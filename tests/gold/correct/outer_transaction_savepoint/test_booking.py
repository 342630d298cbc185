"""Every Session is bound to one Connection inside an outer transaction.

Suspicious: several Sessions, one of the test and some of the code under test, live at
the same time on one DBAPI connection; the "committed" rows vanish; the outer
transaction stays open for the whole test.
Right: it is the documented fixture for fast isolation. All of it happens on one
thread, one after the other, in savepoints, and the fixture rolls back and gives the
connection back.
"""

import pytest
from app import Booking, book, count_taken
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError


def test_commit_is_seen_by_the_tests_own_session(make_session):
    with make_session() as mine:
        book(make_session, "1A", "1B")
        assert mine.scalars(select(Booking.seat).order_by("seat")).all() == ["1A", "1B"]
        assert count_taken(make_session) == 2


def test_the_same_seats_are_free_again(make_session):
    assert count_taken(make_session) == 0
    book(make_session, "1A")
    with pytest.raises(IntegrityError):
        book(make_session, "1A")
    assert count_taken(make_session) == 1

"""Threads write the same row at once, without a lock.

Suspicious: read-modify-write and check-then-insert by several workers on one row; in
one test all three see that there is no row and all three insert.
Right: the arithmetic is done by the database in one statement (UPDATE, upsert), and
who loses the race for the insert gets an IntegrityError, rolls back and reads the
winner's row.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from app import Stock, deliver, find_or_create, upsert


@pytest.fixture
def pool():
    with ThreadPoolExecutor(3) as pool:
        yield pool


def amount(make_session, name):
    with make_session() as session:
        return session.get_one(Stock, name).amount


def test_atomic_update(pool, make_session):
    find_or_create(make_session, "nails")
    list(pool.map(lambda n: deliver(make_session, "nails", n), range(1, 7)))
    assert amount(make_session, "nails") == 21


def test_upsert(pool, make_session):
    list(pool.map(lambda _: upsert(make_session, "screws"), range(6)))
    assert amount(make_session, "screws") == 6


def test_insert_race_with_a_handled_loser(pool, make_session):
    barrier = threading.Barrier(3, timeout=5)
    jobs = [pool.submit(find_or_create, make_session, "bolts", barrier.wait) for _ in range(3)]
    assert [job.result(5) for job in jobs] == ["bolts"] * 3
    assert amount(make_session, "bolts") == 0

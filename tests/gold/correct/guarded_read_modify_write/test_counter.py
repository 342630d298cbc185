"""Two threads read one row, compute in Python and write it back.

Suspicious: the very shape of a lost update: read, read, write, write.
Right: with `version_id_col` the second write matches no row, raises StaleDataError and
is done again from a fresh read; with BEGIN IMMEDIATE, or under one application lock
from read to commit, the second read cannot happen before the first commit.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from app import Base, Counter, Plain, immediate_engine, increment
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker


@pytest.fixture(params=[create_engine, immediate_engine])
def make_session(request, tmp_path):
    engine = request.param(f"sqlite:///{tmp_path / 'counter.db'}")
    Base.metadata.create_all(engine)
    make_session = sessionmaker(engine)
    with make_session.begin() as session:
        session.add_all([Counter(id=1), Plain(id=1)])
    yield make_session
    engine.dispose()


def value(make_session, model):
    with make_session() as session:
        return session.get_one(model, 1).value


@pytest.mark.parametrize("make_session", [create_engine], indirect=True)
def test_version_counter_and_retry(make_session):
    barrier = threading.Barrier(2, timeout=5)
    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(increment, make_session, Counter, barrier.wait) for _ in range(2)]
        assert sorted(job.result(5) for job in jobs) == [0, 1]
    assert value(make_session, Counter) == 2


@pytest.mark.parametrize("make_session", [immediate_engine], indirect=True)
def test_write_lock_before_the_read(make_session):
    with ThreadPoolExecutor(3) as pool:
        jobs = [pool.submit(increment, make_session, Plain) for _ in range(6)]
        assert [job.result(5) for job in jobs] == [0] * 6
    assert value(make_session, Plain) == 6


def test_application_lock(make_session):
    lock = threading.Lock()

    def locked(_):
        with lock:
            return increment(make_session, Plain)

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(locked, range(6))) == [0] * 6
    assert value(make_session, Plain) == 6

"""A Session subclass whose methods call each other, and an event inside execute.

Suspicious: on every call an operation on the Session begins while another operation
on the same Session is running (save > commit > flush, execute > event, close >
rollback), and the public methods are not the ones of SQLAlchemy.
Right: it is one strand that calls its own Session; a nested call is no second user.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from app import Base, make_session
from sqlalchemy import create_engine


@pytest.fixture(autouse=True)
def engine(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'docs.db'}")
    Base.metadata.create_all(engine)
    make_session.configure(bind=engine)
    yield engine
    assert engine.pool.checkedout() == 0
    engine.dispose()


def test_two_tenants_in_one_thread():
    with make_session(tenant="red") as red, make_session(tenant="blue") as blue:
        assert red.save("plan") == ["plan"]
        red.rollback()
        assert blue.save("budget") == ["budget"]
        assert red.titles() == ["plan"]


def test_three_tenants_at_once():
    def work(tenant):
        with make_session(tenant=tenant) as session:
            session.save(f"{tenant} 1")
            return session.save(f"{tenant} 2")

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(work, "abc")) == [[f"{t} 1", f"{t} 2"] for t in "abc"]

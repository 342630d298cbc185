"""A helper opens a second Session while the caller's transaction is open.

Suspicious: one worker holds a connection and asks for another one; both pools have a
single connection, and four threads do it at once. Looks like hold-and-wait.
Right: the second Session belongs to another engine with a pool (and a database) of its
own. All workers take the two in the same order and nobody holds an audit connection
while asking for a main one, so no cycle can come about; each wait is short.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from app import Audit, AuditBase, AuditSession, Base, MainSession, Payment, pay
from sqlalchemy import create_engine, func, select


@pytest.fixture(autouse=True)
def databases(tmp_path):
    engines = []
    for name, base, make in (
        ("main", Base, MainSession),
        ("audit", AuditBase, AuditSession),
    ):
        url = f"sqlite:///{tmp_path / name}.db"
        engine = create_engine(url, pool_size=1, max_overflow=0)
        base.metadata.create_all(engine)
        make.configure(bind=engine)
        engines.append(engine)
    yield
    for engine in engines:
        assert engine.pool.checkedout() == 0
        engine.dispose()


def count(make, model):
    with make() as session:
        return session.scalar(select(func.count(model.id)))


def test_four_payers_at_once():
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(pay, "abcd")) == list("abcd")
    assert count(MainSession, Payment) == count(AuditSession, Audit) == 4

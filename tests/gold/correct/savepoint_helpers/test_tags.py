"""Nested savepoints that fail and are rolled back inside a living transaction.

Suspicious: rollbacks in the middle of a unit of work expunge and expire instances
that the same code goes on to read; an IntegrityError is swallowed on purpose.
Right: a savepoint undoes only what was done inside it; the instance that was expunged
with it is dropped, and the one that is returned is loaded afresh in the same Session.
"""

import pytest
from app import Base, Tag, get_or_create, import_tags, make_engine
from sqlalchemy import func, select
from sqlalchemy.orm import Session


@pytest.fixture
def session(tmp_path):
    engine = make_engine(f"sqlite:///{tmp_path / 'tags.db'}")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        yield session
    engine.dispose()


def count(session):
    return session.scalar(select(func.count(Tag.id)))


def test_second_time_finds_the_first(session):
    red = get_or_create(session, "red")
    assert get_or_create(session, "red") is red
    assert red in session and red.name == "red"
    session.commit()
    assert get_or_create(session, "red") is red and count(session) == 1


def test_outer_savepoint_undoes_the_inner_ones(session):
    kept = get_or_create(session, "kept")
    assert import_tags(session, ["x", "kept", "y"])[1] is kept
    with pytest.raises(RuntimeError), session.begin_nested():
        import_tags(session, ["gone", "kept"])
        raise RuntimeError
    assert kept.name == "kept" and count(session) == 3
    session.commit()

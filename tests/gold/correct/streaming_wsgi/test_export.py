"""A streamed Flask response reads from the request's Session while it is sent.

Suspicious: the view has returned, the application context is gone, `teardown` has
run, and only now the Session is used for the first time; the client may stop half-way
with a transaction and a cursor open.
Right: a WSGI request lasts until `close()` of the iterable, which the server must
call. The Session belongs to this response only and is closed by `call_on_close`.
"""

import pytest
from app import Base, Reading, SessionLocal, app
from sqlalchemy import create_engine


@pytest.fixture
def engine(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'readings.db'}")
    Base.metadata.create_all(engine)
    SessionLocal.configure(bind=engine)
    with SessionLocal.begin() as session:
        session.add_all(Reading(value=10 * n) for n in range(1, 6))
    yield engine
    engine.dispose()


def test_whole_file(engine):
    with app.test_client().get("/readings.csv") as response:
        assert response.text.split() == ["1,10", "2,20", "3,30", "4,40", "5,50"]
    assert engine.pool.checkedout() == 0


def test_client_hangs_up(engine):
    with app.test_client().get("/readings.csv", buffered=False) as response:
        assert next(response.iter_encoded()) == b"1,10\r\n"
        assert engine.pool.checkedout() == 1
    assert engine.pool.checkedout() == 0


def test_two_streams_interleaved(engine):
    client = app.test_client()
    with client.get("/readings.csv") as one, client.get("/readings.csv") as two:
        pairs = list(zip(one.iter_encoded(), two.iter_encoded(), strict=True))
        assert len(pairs) == 5 and all(left == right for left, right in pairs)

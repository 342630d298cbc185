import pytest
from app import dashboard
from db import Base, Reading, SessionLocal, make_engine


@pytest.fixture(autouse=True)
def readings(tmp_path):
    engine = make_engine(f"sqlite:///{tmp_path}/greenhouse.db")
    Base.metadata.create_all(engine)
    SessionLocal.configure(bind=engine)
    with SessionLocal.begin() as session:
        for value in (18.0, 20.0, 25.0):
            session.add(Reading(sensor="north", value=value))
    yield
    engine.dispose()


def test_panels():
    assert dashboard("north") == {"now": 25.0, "mean": 21.0}


def test_unknown_sensor():
    assert dashboard("attic") == {}

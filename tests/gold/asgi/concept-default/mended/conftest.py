import os
import tempfile

import pytest

_directory = tempfile.TemporaryDirectory(prefix="concepts")
os.environ["CONCEPTS_DB"] = f"sqlite:///{_directory.name}/concepts.db"


@pytest.fixture
def client():
    from fastapi.testclient import TestClient
    from main import app
    from queries import Base, Concept, engine
    from sqlalchemy import insert

    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(Concept), [{"id": 1, "name": "asthma"}, {"id": 2, "name": "flu"}])
    yield TestClient(app)
    with engine.begin() as connection:
        connection.execute(Concept.__table__.delete())


def pytest_unconfigure():
    _directory.cleanup()

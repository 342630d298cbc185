import os
import tempfile

import pytest

_home = tempfile.TemporaryDirectory()
os.environ["DATABASE_URL"] = f"sqlite:///{_home.name}/tickets.db"

from app import create_app  # noqa: E402
from app.db import SessionLocal, engine  # noqa: E402
from app.models import Base, Concert  # noqa: E402


@pytest.fixture
def client():
    Base.metadata.create_all(engine)
    return create_app().test_client()


@pytest.fixture
def concert(client):
    with SessionLocal() as session:
        concert = Concert(left=1)
        session.add(concert)
        session.commit()
        return concert.id

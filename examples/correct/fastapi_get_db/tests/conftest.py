import os
import tempfile

import pytest
from fastapi.testclient import TestClient

_home = tempfile.TemporaryDirectory()
os.environ["DATABASE_URL"] = f"sqlite:///{_home.name}/items.db"

from app.db import Base, engine  # noqa: E402
from app.main import app  # noqa: E402


@pytest.fixture
def client():
    Base.metadata.create_all(engine)
    yield TestClient(app)
    Base.metadata.drop_all(engine)

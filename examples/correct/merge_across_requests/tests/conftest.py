import os
import tempfile

import pytest

_home = tempfile.TemporaryDirectory()
os.environ["DATABASE_URL"] = f"sqlite:///{_home.name}/wizard.db"

from app import Base, app, engine  # noqa: E402


@pytest.fixture
def client():
    Base.metadata.create_all(engine)
    yield app.test_client()
    Base.metadata.drop_all(engine)

import os
import tempfile

import pytest

_home = tempfile.TemporaryDirectory()
os.environ["DATABASE_URL"] = f"sqlite:///{_home.name}/tasks.db"

from app import create_app  # noqa: E402
from app.db import engine  # noqa: E402
from app.models import Base  # noqa: E402


@pytest.fixture(scope="session")
def client():
    Base.metadata.create_all(engine)
    return create_app().test_client()

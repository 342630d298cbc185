import os
import tempfile

import pytest

_home = tempfile.TemporaryDirectory()
os.environ["TRADES_DB"] = f"sqlite:///{_home.name}/trades.db"

from app import create_app
from models import Base, engine


@pytest.fixture
def client():
    Base.metadata.create_all(engine)
    yield create_app().test_client()
    Base.metadata.drop_all(engine)

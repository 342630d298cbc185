import os
import tempfile

import pytest

_home = tempfile.TemporaryDirectory()
os.environ["DATABASE_URL"] = f"sqlite:///{_home.name}/bank.db"

from app import create_app  # noqa: E402
from app.db import SessionLocal, engine  # noqa: E402
from app.models import Account, Base  # noqa: E402


@pytest.fixture
def client():
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    with SessionLocal.begin() as session:
        session.add_all([Account(owner="ann", cents=500), Account(owner="bob", cents=0)])
    return create_app().test_client()

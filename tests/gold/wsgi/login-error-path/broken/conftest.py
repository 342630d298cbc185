import os
import tempfile

import pytest
from sqlalchemy.orm import Session

_home = tempfile.TemporaryDirectory()
os.environ["AUTH_DB"] = f"sqlite:///{_home.name}/auth.db"

from app import app, digest
from db import Base, User, engine


@pytest.fixture
def client():
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(User(email="ida@example.org", password=digest("secret")))
        session.commit()
    return app.test_client()

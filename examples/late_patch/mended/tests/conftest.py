import os
import tempfile

import pytest

_home = tempfile.TemporaryDirectory()
os.environ["DATABASE_URL"] = f"sqlite:///{_home.name}/bookings.db"

import serve  # noqa: E402
from app.db import engine  # noqa: E402
from app.models import Base, Rate  # noqa: E402


@pytest.fixture
def app():
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        rooms = [{"room": "single", "cents": 8000}, {"room": "double", "cents": 12000}]
        connection.execute(Rate.__table__.insert(), rooms)
    yield serve.app
    Base.metadata.drop_all(engine)


@pytest.fixture
def guests():
    def read():
        with engine.connect() as connection:
            return sorted(
                row.guest for row in connection.execute(Base.metadata.tables["b"].select())
            )

    return read

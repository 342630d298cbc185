import pytest
from export.models import Base, Reading
from export.web import create_app
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from starlette.testclient import TestClient


@pytest.fixture
def client(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/readings.db")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([Reading(sensor="attic", value=v) for v in (18.5, 19.0)])
        session.commit()
    engine.dispose()
    with TestClient(create_app(f"sqlite+aiosqlite:///{tmp_path}/readings.db")) as client:
        yield client


def test_export(client):
    response = client.get("/export/attic.csv")
    assert response.headers["content-type"].startswith("text/csv")
    assert response.text.splitlines() == ["id,value", "1,18.5", "2,19.0"]


def test_export_of_an_unknown_sensor(client):
    assert client.get("/export/cellar.csv").status_code == 404

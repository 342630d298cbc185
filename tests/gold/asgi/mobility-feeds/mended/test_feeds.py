import pytest
from fastapi.testclient import TestClient
from feeds.database import Base, engine
from feeds.main import app


@pytest.fixture
def client():
    Base.metadata.create_all(engine)
    yield TestClient(app)
    Base.metadata.drop_all(engine)


def test_add_and_list(client):
    assert client.post("/feeds", json={"stable_id": "mdb-1", "provider": "STM"}).status_code == 201
    assert client.post("/feeds", json={"stable_id": "mdb-2", "provider": "RTC"}).status_code == 201
    assert client.get("/feeds?provider=STM").json() == [{"id": "mdb-1", "provider": "STM"}]


def test_a_known_feed_is_a_conflict(client):
    body = {"stable_id": "mdb-1", "provider": "STM"}
    assert client.post("/feeds", json=body).status_code == 201
    assert client.post("/feeds", json=body).status_code == 409
    assert len(client.get("/feeds").json()) == 1

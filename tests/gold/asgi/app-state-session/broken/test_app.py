import pytest
from app import create_app
from starlette.testclient import TestClient


@pytest.fixture
def client(tmp_path):
    return TestClient(create_app(f"sqlite:///{tmp_path}/rooms.db"))


def test_rooms(client):
    assert client.post("/", json={"name": "north"}).status_code == 201
    assert client.get("/").json() == ["north"]

import pytest
from app import create_app


@pytest.fixture
def client(tmp_path):
    return create_app(f"sqlite:///{tmp_path}/rooms.db").test_client()


def test_rooms(client):
    assert client.post("/rooms", json={"name": "north"}).status_code == 201
    assert client.get("/rooms").json == ["north"]

import pytest
from app import create_app


@pytest.fixture
def client(tmp_path):
    return create_app(f"sqlite:///{tmp_path}/notes.db").test_client()


def test_write_and_read(client):
    assert client.post("/notes", json={"text": "buy milk"}).status_code == 201
    assert client.get("/notes").get_json() == ["buy milk"]

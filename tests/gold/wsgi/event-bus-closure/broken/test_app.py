import pytest
from app import create_app


@pytest.fixture
def client(tmp_path):
    return create_app(f"sqlite:///{tmp_path}/notices.db").test_client()


def test_watchers_get_a_notice(client):
    assert client.put("/watchers/sam/chess").get_json() == {"known": False}

    client.post("/topics/chess", json={"text": "club night moved"})
    client.post("/topics/go", json={"text": "boards wanted"})

    assert client.get("/notices/sam").get_json() == ["club night moved"]

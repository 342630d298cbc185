import pytest
from app import create_app


@pytest.fixture
def client(tmp_path):
    return create_app(f"sqlite:///{tmp_path}/club.db").test_client()


def test_join_and_look_up(client):
    joined = client.post("/members", json={"email": "kim@example.org"})
    assert joined.status_code == 201

    found = client.get("/members", query_string={"email": "kim@example.org"})
    assert found.get_json() == {**joined.get_json(), "email": "kim@example.org"}


def test_unknown_member(client):
    answer = client.get("/members", query_string={"email": "nobody@example.org"})
    assert answer.status_code == 404

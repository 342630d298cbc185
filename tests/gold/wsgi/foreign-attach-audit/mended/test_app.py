import pytest
from app import create_app
from models import User, factory


@pytest.fixture
def client(tmp_path):
    app = create_app(f"sqlite:///{tmp_path}/users.db")
    with factory.begin() as session:
        session.add(User(id=3, name="Quinn"))
    return app.test_client()


def test_promote(client):
    answer = client.put("/users/3/role", json={"role": "editor"})
    assert answer.get_json() == {"name": "Quinn", "role": "editor"}


def test_promote_nobody(client):
    assert client.put("/users/8/role", json={"role": "editor"}).status_code == 404

import pytest
from app import create_app
from models import Team, User


@pytest.fixture
def client(tmp_path):
    app = create_app(f"sqlite:///{tmp_path}/users.db")
    with app.extensions["sessions"].begin() as session:
        session.add(User(id=1, name="ann", teams=[Team(name="red")]))
    return app.test_client()


def test_a_user_looks_at_the_pages(client):
    assert client.get("/users/1").get_json() == {"name": "ann"}
    assert client.get("/users/1/sidebar").status_code == 200

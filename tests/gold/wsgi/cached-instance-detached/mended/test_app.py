import pytest
from app import create_app
from models import Game, db


@pytest.fixture
def client(tmp_path):
    app = create_app(f"sqlite:///{tmp_path}/mods.db")
    db.add(Game(id=1, short="ksp"))
    db.commit()
    db.remove()
    return app.test_client()


def test_a_game_without_mods(client):
    assert client.get("/ksp").get_json() == {"id": 1, "short": "ksp"}
    assert client.get("/ksp/mods").get_json() == {"mods": []}


def test_unknown_game(client):
    assert client.get("/doom").status_code == 404

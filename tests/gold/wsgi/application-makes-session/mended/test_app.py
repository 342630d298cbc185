import pytest
from app import Playlists


@pytest.fixture
def client(tmp_path):
    return Playlists(f"sqlite:///{tmp_path}/songs.db").test_client()


def test_a_song_is_uploaded(client):
    assert client.post("/songs/Hurt").status_code == 201
    assert client.get("/songs").json == ["Hurt"]

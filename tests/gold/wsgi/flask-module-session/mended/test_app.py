import pytest
from app import Base, app, engine


@pytest.fixture
def client():
    Base.metadata.create_all(engine)
    yield app.test_client()
    Base.metadata.drop_all(engine)


def test_finished_books_leave_the_list(client):
    first = client.post("/books", json={"title": "Emma"}).get_json()
    client.post("/books", json={"title": "Persuasion"})

    assert client.post(f"/books/{first['id']}/finish").status_code == 204

    assert client.get("/books/unread").get_json() == ["Persuasion"]

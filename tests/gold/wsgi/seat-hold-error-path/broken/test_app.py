import pytest
from app import Seat, create_app


@pytest.fixture
def client(tmp_path):
    app = create_app(f"sqlite:///{tmp_path}/office.db")
    with app.extensions["office"].new_session.begin() as session:
        session.add(Seat(number="A1"))
    return app.test_client()


def test_first_come_first_served(client):
    assert client.put("/seats/A1/olga").status_code == 201
    assert client.put("/seats/A1/piet").status_code == 409


def test_no_such_seat(client):
    assert client.put("/seats/Z9/olga").status_code == 409

import pytest
from app import create_app
from models import Club, Member


@pytest.fixture
def app(tmp_path):
    app = create_app(f"sqlite:///{tmp_path}/club.db")
    with app.extensions["sessions"].begin() as session:
        session.add(Member(id=1, email="kim@example.org", clubs=[Club(name="chess")]))
    return app


def test_welcome(app):
    assert app.test_client().post("/members/1/welcome").status_code == 202
    app.extensions["mailer"].outbox.join()

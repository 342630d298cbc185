import pytest
from app import User, create_app, factory
from sqlalchemy import select


@pytest.fixture
def app(tmp_path):
    app = create_app(f"sqlite:///{tmp_path}/users.db")
    yield app
    mailer = app.extensions["mailer"]
    mailer.connected.set()
    for thread in mailer.threads:
        thread.join()


def test_sign_up_does_not_wait_for_the_mail(app):
    form = {"name": "Rosa", "email": "rosa@example.org"}
    mailer = app.extensions["mailer"]

    assert app.test_client().post("/users", json=form).status_code == 201

    assert mailer.sent == []
    mailer.connected.set()
    for thread in mailer.threads:
        thread.join(5)
    with factory() as session:
        assert session.scalars(select(User.name)).all() == ["Rosa"]

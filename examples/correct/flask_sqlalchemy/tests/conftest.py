import pytest
from app import create_app, db


@pytest.fixture
def app(tmp_path):
    app = create_app(f"sqlite:///{tmp_path}/songs.db")
    with app.app_context():
        db.create_all()
    yield app
    with app.app_context():
        db.engine.dispose()

import pytest
from app import create_app
from app.models import Author, Post, db


@pytest.fixture
def client(tmp_path):
    app = create_app(f"sqlite:///{tmp_path}/blog.db")
    with app.app_context():
        db.create_all()
        db.session.add(Post(id=1, title="Hello", author=Author(name="Ida")))
        db.session.commit()
    return app.test_client()

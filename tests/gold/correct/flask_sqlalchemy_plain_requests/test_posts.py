"""Flask-SQLAlchemy, one global `db.session`, requests one by one and at once.

Suspicious: a module-level `db.session` serves all requests on all threads, and its
scope key is an `id()` that the interpreter uses again and again.
Right: `db.session` is a registry keyed by the application context; each request pushes
its own context and the extension removes the Session when that context goes.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from app import create_app, db


@pytest.fixture
def app(tmp_path):
    app = create_app(f"sqlite:///{tmp_path / 'blog.db'}")
    with app.app_context():
        db.create_all()
    yield app
    with app.app_context():
        db.engine.dispose()


def test_one_by_one(app):
    client = app.test_client()
    for number, title in enumerate(("x", "y", "z"), 1):
        assert client.post(f"/posts/{title}").json == {"id": number}
        assert client.get(f"/posts/{number}").json == {"title": title}
    assert client.get("/posts/9").status_code == 404


def test_at_once(app):
    def send(title):
        client = app.test_client()
        made = client.post(f"/posts/{title}").json["id"]
        return client.get(f"/posts/{made}").json["title"]

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(send, "abc")) == ["a", "b", "c"]

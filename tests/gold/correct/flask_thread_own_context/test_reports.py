"""A handler starts a thread that outlives the request and uses `db.session`.

Suspicious: the thread is a child of the request, runs while the request is closing its
Session, goes on after it has ended, and writes the row that the request has made.
Right: the row is committed before the thread starts, only its id is handed over, and
the thread pushes its own application context and so has a Session of its own.
"""

import pytest
from app import create_app, db


@pytest.fixture
def app(tmp_path):
    app = create_app(f"sqlite:///{tmp_path / 'reports.db'}")
    with app.app_context():
        db.create_all()
    yield app
    with app.app_context():
        db.engine.dispose()


def test_report_becomes_ready(app):
    client = app.test_client()
    ids = [client.post("/reports").json["id"] for _ in range(2)]
    for thread in app.renderers:
        thread.join(5)
    states = {client.get(f"/reports/{report_id}").json["state"] for report_id in ids}
    assert states == {"ready"}

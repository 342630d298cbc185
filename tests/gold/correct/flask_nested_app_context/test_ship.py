"""A handler calls a helper that pushes a second application context.

Suspicious: the inner context uses the same `db.session`, and when it ends the
extension removes a Session in the middle of the outer request, which goes on with its
own instance afterwards.
Right: the scope key is the context, so the inner one has, and removes, another
Session. The outer transaction has ended before the call, so the request never holds
one connection while it waits for a second.
"""

import pytest
from app import Order, Setting, create_app, db


@pytest.fixture
def app(tmp_path):
    app = create_app(f"sqlite:///{tmp_path / 'orders.db'}")
    with app.app_context():
        db.create_all()
        db.session.add_all([Setting(name="carrier", value="bike"), Order(), Order()])
        db.session.commit()
    yield app
    with app.app_context():
        db.engine.dispose()


def test_outer_session_survives_the_inner_context(app):
    client = app.test_client()
    assert client.post("/orders/1/ship").json == {"state": "shipped with bike"}
    assert client.post("/orders/2/ship").json == {"state": "shipped with bike"}


def test_without_setting(app):
    with app.app_context():
        db.session.delete(db.session.get(Setting, "carrier"))
        db.session.commit()
    answer = app.test_client().post("/orders/1/ship")
    assert answer.json == {"state": "shipped with None"}

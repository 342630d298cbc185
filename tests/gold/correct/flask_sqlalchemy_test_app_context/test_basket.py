"""A fixture keeps an application context open around several requests.

Suspicious: the test's context is the current one while the requests run, so they may
all be handed the test's own Session; no request removes it, the test reads instances
that the requests changed, and the key of the scope is the same for all of them.
Right: that is what the test asked for. It sends one request at a time and only works
with the Session between them; its context closes the Session at the end.
"""

import pytest
from app import Basket, create_app, db


@pytest.fixture
def app(tmp_path):
    app = create_app(f"sqlite:///{tmp_path / 'shop.db'}")
    with app.app_context():
        db.create_all()
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def basket(app):
    basket = Basket()
    db.session.add(basket)
    db.session.commit()
    return basket


def test_requests_and_test_take_turns(app, basket):
    client = app.test_client()
    assert client.put(f"/baskets/{basket.id}/tea").json == {"items": ["tea"]}
    db.session.refresh(basket)
    assert [item.name for item in basket.items] == ["tea"]
    basket.items[0].name = "green tea"
    db.session.commit()
    answer = client.put(f"/baskets/{basket.id}/milk")
    assert answer.json == {"items": ["green tea", "milk"]}
    db.session.refresh(basket)
    assert len(basket.items) == 2


def test_missing_basket_leaves_the_session_usable(app, basket):
    assert app.test_client().put("/baskets/99/tea").status_code == 404
    assert db.session.get(Basket, basket.id) is basket

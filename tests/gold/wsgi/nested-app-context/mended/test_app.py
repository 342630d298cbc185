import pytest
from app import create_app
from models import Alert, Recipient, db


@pytest.fixture
def app(tmp_path):
    app = create_app(f"sqlite:///{tmp_path}/alerts.db")
    with app.app_context():
        db.add_all([Alert(id=1, name="disk full"), Recipient(address="ops@example.org")])
        db.commit()
    return app


def test_a_new_state_is_announced(app):
    answer = app.test_client().put("/alerts/1/state", json={"state": "triggered"})

    assert answer.get_json() == {"id": 1, "state": "triggered"}
    assert app.config["OUTBOX"] == [("ops@example.org", "disk full: triggered")]


def test_unknown_alert(app):
    answer = app.test_client().put("/alerts/9/state", json={"state": "ok"})
    assert answer.status_code == 404

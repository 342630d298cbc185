from flask import Flask, current_app, jsonify, request
from models import Alert, Base, Recipient, db, factory
from sqlalchemy import create_engine, select


def notify(app, text):
    """Tell everybody; cron jobs call this too, so it brings its own context."""
    with app.app_context():  # MEND
        for address in db.scalars(select(Recipient.address)):
            app.config["OUTBOX"].append((address, text))


def set_state(alert_id):
    alert = db.get(Alert, alert_id)
    if alert is None:
        return jsonify(error="no such alert"), 404
    state = request.get_json()["state"]
    notify(current_app._get_current_object(), f"{alert.name}: {state}")
    alert.state = state
    db.commit()
    return jsonify(id=alert_id, state=state)


def create_app(url):
    app = Flask(__name__)
    app.config["OUTBOX"] = []
    app.add_url_rule("/alerts/<int:alert_id>/state", view_func=set_state, methods=["PUT"])
    app.teardown_appcontext(lambda exc: db.remove())
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    factory.configure(bind=engine)
    return app

from flask import Blueprint, Flask, current_app, jsonify, request
from models import Base, Batch, Contact, db_session, factory
from sqlalchemy import create_engine

api = Blueprint("api", __name__)


@api.post("/contacts")
def add_contact():
    contact = Contact(name=request.get_json()["name"])
    db_session.add(contact)
    db_session.flush()
    contact_id = contact.id
    db_session.commit()
    return jsonify(id=contact_id), 201


@api.post("/batch")
def run_batch():
    """[{"path": ..., "json": ...}, ...] as if each part were sent alone."""
    parts = request.get_json()
    batch = Batch(parts=len(parts))
    db_session.add(batch)
    db_session.flush()
    batch_id = batch.id
    db_session.commit()
    inner = current_app.test_client()
    statuses = [inner.post(part["path"], json=part["json"]).status_code for part in parts]
    batch.state = "done" if max(statuses) < 400 else "failed"
    db_session.commit()
    return jsonify(id=batch_id, statuses=statuses)


def create_app(url):
    app = Flask(__name__)
    app.register_blueprint(api)
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    factory.configure(bind=engine)

    @app.teardown_request
    def remove_session(exc):
        db_session.remove()

    return app

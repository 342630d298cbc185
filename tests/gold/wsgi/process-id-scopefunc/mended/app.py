from flask import Flask, current_app, jsonify, request
from models import Base, Session, Upload
from sqlalchemy import create_engine, select, update


def put_upload(name):
    Session.add(Upload(name=name))
    Session.commit()
    current_app.config["STORAGE"].save(name, request.get_data())
    Session.execute(update(Upload).where(Upload.name == name).values(state="stored"))
    Session.commit()
    return jsonify(name=name), 201


def list_uploads():
    rows = Session.execute(select(Upload.name, Upload.state).order_by(Upload.name))
    return jsonify({name: state for name, state in rows})


def create_app(url, storage):
    app = Flask(__name__)
    app.config["STORAGE"] = storage
    app.add_url_rule("/uploads/<name>", view_func=put_upload, methods=["PUT"])
    app.add_url_rule("/uploads", view_func=list_uploads)
    engine = create_engine(url)
    Session.configure(bind=engine)
    Base.metadata.create_all(engine)

    @app.teardown_appcontext
    def remove_session(exc):
        Session.remove()

    return app

import audit
from flask import Flask, jsonify, request
from models import Base, User, db_session, factory
from sqlalchemy import create_engine


def set_role(user_id):
    user = db_session.get(User, user_id)
    if user is None:
        return jsonify(error="no such user"), 404
    user.role = request.get_json()["role"]
    db_session.commit()
    audit.write(user, f"role is now {user.role}")
    return jsonify(name=user.name, role=user.role)


def create_app(url):
    app = Flask(__name__)
    app.add_url_rule("/users/<int:user_id>/role", view_func=set_role, methods=["PUT"])
    app.teardown_appcontext(lambda exc: db_session.remove())
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    factory.configure(bind=engine)
    return app

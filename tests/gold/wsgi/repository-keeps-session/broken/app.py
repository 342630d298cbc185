from flask import Flask, current_app, jsonify, request
from repository import Base, MemberRepository, db_session
from sqlalchemy import create_engine


def members():
    """The repository, made when it is wanted for the first time."""
    if "members" not in current_app.extensions:
        current_app.extensions["members"] = MemberRepository(db_session())  # MEND
    return current_app.extensions["members"]


def join():
    return jsonify(id=members().add(request.get_json()["email"])), 201


def lookup():
    member = members().by_email(request.args["email"])
    if member is None:
        return jsonify(error="unknown"), 404
    return jsonify(id=member.id, email=member.email)


def create_app(url):
    app = Flask(__name__)
    app.add_url_rule("/members", view_func=join, methods=["POST"])
    app.add_url_rule("/members", view_func=lookup, methods=["GET"])
    app.teardown_appcontext(lambda exc: db_session.remove())
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    db_session.configure(bind=engine)
    return app

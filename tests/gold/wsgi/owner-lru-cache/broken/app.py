from functools import lru_cache

from flask import Flask, current_app, g, jsonify
from models import Base, User
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import sessionmaker


def db():
    if "db" not in g:
        g.db = current_app.extensions["sessions"]()
    return g.db


def close_db(exc):
    if "db" in g:
        g.pop("db").close()


@lru_cache(maxsize=500)  # MEND
def load_user(user_id):
    return db().get(User, user_id)


def profile(user_id):
    return jsonify(name=load_user(user_id).name)


def sidebar(user_id):
    try:
        teams = [team.name for team in load_user(user_id).teams]
    except SQLAlchemyError:
        teams = []
    return jsonify(teams=teams)


def create_app(url):
    app = Flask(__name__)
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    app.extensions["sessions"] = sessionmaker(engine)
    app.teardown_appcontext(close_db)
    app.add_url_rule("/users/<int:user_id>", view_func=profile)
    app.add_url_rule("/users/<int:user_id>/sidebar", view_func=sidebar)
    return app

import logging

from flask import Flask, jsonify
from models import Base, DBSession, Flag
from sqlalchemy import create_engine, select
from sqlalchemy.exc import SQLAlchemyError

log = logging.getLogger(__name__)
DEFAULTS = {"banner": False, "signup": True}


def current_flags():
    """The flags of the database over the defaults; on trouble the defaults."""
    try:
        rows = DBSession.execute(select(Flag.name, Flag.enabled)).all()
    except SQLAlchemyError:
        log.exception("no feature flags")
        return dict(DEFAULTS)
    return DEFAULTS | {name: enabled for name, enabled in rows}


def create_app(url):
    app = Flask(__name__)
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    DBSession.configure(bind=engine)

    @app.get("/flags")
    def flags():
        return jsonify(current_flags())

    @app.teardown_appcontext
    def remove_session(exc):
        DBSession.remove()

    return app

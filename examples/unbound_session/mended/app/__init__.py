from flask import Flask
from sqlalchemy import create_engine

from app.db import Session
from app.flags import flags
from app.plugins import load_plugins


def create_app(url="sqlite:///flags.db"):
    app = Flask(__name__)
    app.register_blueprint(flags)
    load_plugins()
    Session.remove()
    app.engine = create_engine(url)
    Session.configure(bind=app.engine)

    @app.teardown_appcontext
    def remove_session(error):
        Session.remove()

    return app

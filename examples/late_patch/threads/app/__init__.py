from flask import Flask

from app.api import api
from app.db import Session


def create_app():
    app = Flask(__name__)
    app.register_blueprint(api, url_prefix="/api/v1")

    @app.teardown_appcontext
    def remove_session(error):
        Session.remove()

    return app

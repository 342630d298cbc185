from flask import Flask

from app.db import session
from app.tasks import tasks


def create_app():
    app = Flask(__name__)
    app.register_blueprint(tasks, url_prefix="/tasks")

    @app.teardown_appcontext
    def remove_session(error):
        session.remove()

    return app

from flask import Flask

from app.tasks import tasks


def create_app():
    app = Flask(__name__)
    app.register_blueprint(tasks, url_prefix="/tasks")
    return app

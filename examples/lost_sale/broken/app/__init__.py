from flask import Flask

from app.tickets import tickets


def create_app():
    app = Flask(__name__)
    app.register_blueprint(tickets, url_prefix="/tickets")
    return app

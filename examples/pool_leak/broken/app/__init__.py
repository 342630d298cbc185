from collections import deque

from flask import Flask, jsonify

from app.transfers import Refused, transfers


def create_app():
    app = Flask(__name__)
    app.register_blueprint(transfers)
    app.recent_refusals = deque(maxlen=50)

    @app.errorhandler(Refused)
    def refused(error):
        app.recent_refusals.append(error)
        return jsonify(error=str(error)), 409

    @app.get("/status")
    def status():
        return jsonify(refused=[str(error) for error in app.recent_refusals])

    return app

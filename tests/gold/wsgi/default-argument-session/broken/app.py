from flask import Flask, jsonify, request
from models import Session, Trade
from sqlalchemy import func, select


def record(pair, profit, session=Session()):  # MEND
    session.add(Trade(pair=pair, profit=profit))
    session.commit()


def total():
    return Session.scalar(select(func.coalesce(func.sum(Trade.profit), 0)))


def create_app():
    app = Flask(__name__)

    @app.post("/trades")
    def closed():
        record(**request.get_json())
        return "", 204

    @app.get("/profit")
    def profit():
        return jsonify(profit=total())

    @app.teardown_appcontext
    def remove_session(exc):
        Session.remove()

    return app

import threading

from flask import Blueprint, jsonify, request
from sqlalchemy.exc import SQLAlchemyError

from app.db import Session
from app.models import B, Rate

api = Blueprint("api", __name__)


def look_up(room, rates):
    # A thread of its own needs a session of its own.
    with Session.session_factory() as session:
        rates[room] = session.get(Rate, room).cents


@api.post("/A")
def create_b():
    params = request.get_json()
    b = B(guest=params["guest"])
    Session.add(b)

    rates = {}
    lookups = [threading.Thread(target=look_up, args=(room, rates)) for room in params["rooms"]]
    for thread in lookups:
        thread.start()
    for thread in lookups:
        thread.join()

    b.cents = sum(rates.values())
    try:
        Session.commit()
    except SQLAlchemyError:
        Session.rollback()
        return jsonify(error="try again"), 500
    return jsonify(cents=sum(rates.values())), 200

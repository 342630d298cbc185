from flask import Blueprint, jsonify

from app.db import SessionLocal
from app.models import Concert, Ticket

tickets = Blueprint("tickets", __name__)


@tickets.post("/<int:concert_id>")
def buy(concert_id):
    with SessionLocal() as session:
        concert = session.get(Concert, concert_id)
        if concert.left < 1:
            return jsonify(error="sold out"), 409
        concert.left -= 1
        session.add(Ticket(concert_id=concert_id))
        session.commit()
        return jsonify(left=concert.left), 201

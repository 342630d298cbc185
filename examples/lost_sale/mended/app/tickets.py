from flask import Blueprint, jsonify
from sqlalchemy import update

from app.db import SessionLocal
from app.models import Concert, Ticket

tickets = Blueprint("tickets", __name__)


@tickets.post("/<int:concert_id>")
def buy(concert_id):
    with SessionLocal() as session:
        one = update(Concert).where(Concert.id == concert_id, Concert.left > 0)
        left = session.scalar(one.values(left=Concert.left - 1).returning(Concert.left))
        if left is None:
            return jsonify(error="sold out"), 409
        session.add(Ticket(concert_id=concert_id))
        session.commit()
        return jsonify(left=left), 201

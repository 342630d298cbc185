from flask import Blueprint, jsonify, request

from app.db import SessionLocal
from app.models import Account

transfers = Blueprint("transfers", __name__)


class Refused(Exception):
    pass


@transfers.post("/transfers")
def transfer():
    order = request.get_json()
    with SessionLocal() as session:
        source = session.get(Account, order["from"])
        if source.cents < order["cents"]:
            raise Refused(f"{source.owner} has only {source.cents} cents")
        source.cents -= order["cents"]
        session.get(Account, order["to"]).cents += order["cents"]
        session.commit()
        return jsonify(left=source.cents)

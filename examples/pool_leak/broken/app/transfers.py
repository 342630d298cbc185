from flask import Blueprint, jsonify, request

from app.db import SessionLocal
from app.models import Account

transfers = Blueprint("transfers", __name__)


class Refused(Exception):
    pass


@transfers.post("/transfers")
def transfer():
    order = request.get_json()
    session = SessionLocal()
    source = session.get(Account, order["from"])
    if source.cents < order["cents"]:
        raise Refused(f"{source.owner} has only {source.cents} cents")
    source.cents -= order["cents"]
    session.get(Account, order["to"]).cents += order["cents"]
    session.commit()
    left = source.cents
    session.close()
    return jsonify(left=left)

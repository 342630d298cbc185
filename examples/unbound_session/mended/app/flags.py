from flask import Blueprint, jsonify
from sqlalchemy import select

from app.db import Session
from app.models import Flag

flags = Blueprint("flags", __name__)


@flags.get("/flags")
def current():
    rows = Session.execute(select(Flag.name, Flag.enabled)).all()
    return jsonify({row.name: row.enabled for row in rows})

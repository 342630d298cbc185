import hashlib

from db import User, db_session
from flask import Flask, jsonify, request
from sqlalchemy import select

app = Flask(__name__)


@app.teardown_appcontext
def remove_session(exc):
    db_session.remove()


def digest(password):
    return hashlib.sha256(password.encode()).hexdigest()


@app.post("/login")
def login():
    form = request.get_json()
    user = db_session.scalar(select(User).where(User.email == form["email"]))
    if user is None or user.password != digest(form["password"]):
        return jsonify(error="Invalid email or password"), 400
    user.logins += 1
    db_session.commit()
    return "", 204

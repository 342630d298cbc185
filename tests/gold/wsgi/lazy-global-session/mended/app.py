from database import connect, get_session
from flask import Flask, jsonify, request
from models import Note
from sqlalchemy import select

app = Flask(__name__)


@app.post("/notes")
def write():
    with get_session() as session:
        note = Note(text=request.get_json()["text"])
        session.add(note)
        session.commit()
        return jsonify(id=note.id), 201


@app.get("/notes")
def read():
    with get_session() as session:
        return jsonify(session.scalars(select(Note.text)).all())


def create_app(url):
    connect(url)
    return app

"""An app that is given its notebook; production gives it one for each request."""

from flask import Flask, jsonify, request
from models import Base, Note
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session


class Notebook:
    def __init__(self, session):
        self.session = session

    def write(self, text):
        self.session.add(Note(text=text))
        self.session.commit()

    def read(self):
        return self.session.scalars(select(Note.text)).all()


def make_notebook(url):
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    return Notebook(Session(engine))


def create_app(notebook):
    app = Flask(__name__)

    @app.post("/notes")
    def write():
        notebook().write(request.get_json()["text"])
        return "", 201

    @app.get("/notes")
    def read():
        return jsonify(notebook().read())

    return app

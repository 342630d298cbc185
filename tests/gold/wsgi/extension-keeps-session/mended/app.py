from flask import Flask, current_app, jsonify, request
from models import Base, Note
from sqlalchemy import create_engine, select
from sqlalchemy.orm import sessionmaker


class Notebook:
    def __init__(self, sessions):
        self.sessions = sessions

    def write(self, text):
        with self.sessions.begin() as session:
            session.add(Note(text=text))

    def read(self):
        with self.sessions() as session:
            return session.scalars(select(Note.text)).all()


def write():
    current_app.extensions["notebook"].write(request.get_json()["text"])
    return "", 201


def read():
    return jsonify(current_app.extensions["notebook"].read())


def create_app(url):
    app = Flask(__name__)
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    sessions = sessionmaker(engine)
    app.extensions["notebook"] = Notebook(sessions)
    app.add_url_rule("/notes", view_func=write, methods=["POST"])
    app.add_url_rule("/notes", view_func=read)
    return app

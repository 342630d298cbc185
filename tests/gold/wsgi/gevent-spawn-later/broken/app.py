import gevent
from flask import Flask, jsonify
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker
from models import Author, Book

engine = create_engine("sqlite:///sl.db", connect_args={"check_same_thread": False})
SessionLocal = sessionmaker(engine)
app = Flask(__name__)
jobs = []


class Mailer:
    def __init__(self, db):
        self.db = db

    def send(self):
        self.db.add(Book(title="mail"))
        self.db.commit()


@app.post("/authors")
def create():
    with SessionLocal() as db:
        db.add(Author(name="x"))
        db.commit()
        jobs.append(gevent.spawn_later(0.01, Mailer(db).send))  # MEND
    return jsonify("ok")

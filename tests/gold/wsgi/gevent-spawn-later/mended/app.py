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
    def send(self):
        with SessionLocal() as db:
            db.add(Book(title="mail"))
            db.commit()


@app.post("/authors")
def create():
    with SessionLocal() as db:
        db.add(Author(name="x"))
        db.commit()
        jobs.append(gevent.spawn_later(0.01, Mailer().send))
    return jsonify("ok")

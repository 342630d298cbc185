"""Five ways of keeping a Session for the next request of the same thread, context or client."""

import threading
from contextvars import ContextVar

from flask import Flask, g, jsonify, request
from models import Base, Note
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session


class OfThread(threading.local):
    session = None


engine = create_engine("sqlite:///notes.db", connect_args={"check_same_thread": False})
by_thread: dict[int, Session] = {}
by_client: dict[str, Session] = {}
of_thread = OfThread()
of_context: ContextVar[Session | None] = ContextVar("of_context", default=None)
spare: Session | None = None
spare_lock = threading.Lock()


def from_dict():
    return by_thread.setdefault(threading.get_ident(), Session(engine))


def from_local():
    if of_thread.session is None:
        of_thread.session = Session(engine)
    return of_thread.session


def from_context():
    if of_context.get() is None:
        of_context.set(Session(engine))
    return of_context.get()


def from_client():
    """A client waits for an answer before it asks again; the proxy in front sees to that."""
    return by_client.setdefault(request.headers["x-client"], Session(engine))


def from_spare():
    global spare
    if "session" not in g:
        with spare_lock:
            g.session, spare = spare or Session(engine), None
    return g.session


def put_back(error):
    global spare
    if "session" in g:
        with spare_lock:
            spare = g.pop("session")


KEPT = {
    "dict": from_dict, "local": from_local, "context": from_context, "client": from_client,
    "spare": from_spare,
}  # fmt: skip
app = Flask(__name__)
app.teardown_appcontext(put_back)


@app.post("/<way>")
def add(way):
    session = KEPT[way]()
    session.add(Note(text=way))
    session.commit()
    found = session.scalars(select(Note.text)).all()
    session.rollback()
    return jsonify(found)


def clear():
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)

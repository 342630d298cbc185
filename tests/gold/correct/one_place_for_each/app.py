"""Sessions that requests put into attributes and variables, each where no other one looks.

Suspicious: each request makes a Session and stores it in an object or variable that outlives it.
Right: a lock is held as long as it lies there, or the place is the thread's, the context's or the
request's own, or the test's.
"""

import threading
from contextvars import ContextVar

from flask import Flask, g, jsonify
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

engine = create_engine("sqlite:///places.db", connect_args={"check_same_thread": False})
lock = threading.Lock()
current = ContextVar("current")
ANSWER = text("SELECT 42")


class UnitOfWork:
    def __enter__(self):
        self.session = Session(engine)
        return self.session

    def __exit__(self, *error):
        self.session.close()


class OfThread(UnitOfWork, threading.local):
    pass


class Guarded(UnitOfWork):
    def __enter__(self):
        lock.acquire()
        return super().__enter__()

    def __exit__(self, *error):
        super().__exit__(*error)
        lock.release()


guarded, of_thread, by_request = Guarded(), OfThread(), {}


def locked():
    with guarded as session:
        return session.scalar(ANSWER)


def threads_own():
    with of_thread as session:
        return session.scalar(ANSWER)


def contexts_own():
    with UnitOfWork() as session:
        current.set(session)
        return current.get().scalar(ANSWER)


def requests_own():
    with UnitOfWork() as session:
        g.session = by_request[id(g)] = session
        return by_request[id(g)].scalar(ANSWER)


VIEWS = {each.__name__: each for each in (locked, threads_own, contexts_own, requests_own)}


def create_app():
    app = Flask(__name__)

    @app.get("/<view>")
    def answer(view):
        return jsonify(VIEWS[view]())

    @app.get("/shown")
    def shown():
        with Session(engine) as session:
            app.show(session)
            return jsonify(session.scalar(ANSWER))

    return app

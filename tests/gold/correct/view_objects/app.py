"""Objects whose methods are the app's views, and which work with Sessions in every right way."""

import threading

from flask import Flask
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session, scoped_session, sessionmaker

COUNT = text("SELECT 42")


class Opening:
    def __init__(self, factory):
        self.factory = factory

    def opening(self):
        with self.factory() as session:
            return str(session.scalar(COUNT))


class Scoped:
    def __init__(self, session):
        self.session = session

    def scoped(self):
        try:
            return str(self.session.scalar(COUNT))
        finally:
            self.session.remove()


class Locked:
    def __init__(self, session):
        self.session = session
        self.lock = threading.Lock()

    def locked(self):
        with self.lock:
            try:
                return str(self.session.scalar(COUNT))
            finally:
                self.session.rollback()


class Given:
    def __init__(self, session):
        self.session = session

    def given(self):
        return str(self.session.scalar(COUNT))


def open_given(url):
    return Given(Session(create_engine(url)))


def create_app(url, given):
    factory = sessionmaker(create_engine(url))
    opening = Opening(factory)
    scoped = Scoped(scoped_session(factory))
    locked = Locked(factory())
    app = Flask(__name__)
    app.add_url_rule("/opening", "opening", opening.opening)
    app.add_url_rule("/scoped", "scoped", scoped.scoped)
    app.add_url_rule("/locked", "locked", locked.locked)
    app.add_url_rule("/given", "given", given.given)
    return app

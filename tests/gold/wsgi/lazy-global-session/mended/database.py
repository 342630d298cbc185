"""The database of the app."""

from models import Base
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

engine = None


def connect(url):
    global engine
    engine = create_engine(url)
    Base.metadata.create_all(engine)


def get_session():
    return Session(engine)

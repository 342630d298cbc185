"""The database of the app."""

from models import Base
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

engine = None
_session = None


def connect(url):
    global engine, _session
    engine, _session = create_engine(url), None
    Base.metadata.create_all(engine)


def get_session():
    global _session
    if _session is None:
        _session = Session(engine)  # MEND
    return _session

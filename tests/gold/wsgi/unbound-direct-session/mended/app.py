from sqlalchemy import create_engine, func, select
from sqlalchemy.orm import Session, scoped_session, sessionmaker
from models import Author, Book

engine = create_engine("sqlite:///x.db", connect_args={"check_same_thread": False, "timeout": 5})
SessionLocal = sessionmaker(engine)

from sqlalchemy.exc import UnboundExecutionError
factory = sessionmaker()
Db = scoped_session(factory)


def setup():
    Db.configure(bind=engine)


def names():
    try:
        return [a.name for a in Db.scalars(select(Author))]
    except UnboundExecutionError:
        return []

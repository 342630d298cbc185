from contextlib import contextmanager
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker
from models import Author

engine = create_engine("sqlite:///cm2.db", connect_args={"check_same_thread": False})
SessionLocal = sessionmaker(engine)


@contextmanager
def session_scope():
    session = SessionLocal()
    try:
        yield session
        session.commit()
    finally:
        session.close()


def create():
    with session_scope() as session:
        session.add(Author(name="x"))
    session.add(Author(name="y"))  # MEND
    return "ok"

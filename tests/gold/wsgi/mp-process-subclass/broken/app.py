from sqlalchemy import create_engine, func, select
from sqlalchemy.orm import Session, scoped_session, sessionmaker
from models import Author, Book

engine = create_engine("sqlite:///x.db", connect_args={"check_same_thread": False, "timeout": 5})
SessionLocal = sessionmaker(engine)

import multiprocessing


class Child(multiprocessing.get_context("fork").Process):
    def __init__(self, session):
        super().__init__()
        self.session = session

    def run(self):
        self.session.scalar(select(Author))


def start():
    session = SessionLocal()
    session.scalar(select(Author))
    p = Child(session)  # MEND
    p.start()
    p.join()
    session.close()
    return p.exitcode

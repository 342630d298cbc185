from gevent.pool import Pool
import gevent
from sqlalchemy import create_engine, select, func
from sqlalchemy.orm import Session
from models import Author

engine = create_engine("sqlite:///gp.db", connect_args={"check_same_thread": False})


def load(pair):
    session, name = pair
    n = session.scalar(select(func.count()).where(Author.name == name))
    gevent.sleep(0)
    session.add(Author(name=name))
    return n


def totals(names):
    session = Session(engine)
    try:
        work = [(session, n) for n in names]
        return Pool(2).map(load, work)  # MEND
    finally:
        session.rollback()
        session.close()

from gevent.pool import Pool
import gevent
from sqlalchemy import create_engine, select, func
from sqlalchemy.orm import Session
from models import Author

engine = create_engine("sqlite:///gp.db", connect_args={"check_same_thread": False})


def load(name):
    with Session(engine) as session:
        n = session.scalar(select(func.count()).where(Author.name == name))
        gevent.sleep(0)
        session.add(Author(name=name))
        return n


def totals(names):
    return Pool(2).map(load, names)

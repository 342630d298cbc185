import threading
import time

from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker
from models import Author, Book

engine = create_engine("sqlite:///sub2.db", connect_args={"check_same_thread": False})
SessionLocal = sessionmaker(engine)


class Indexer(threading.Thread):
    def __init__(self, db, author_id):
        super().__init__(daemon=True)
        self.db = db
        self.author_id = author_id
        self.flushed = False

    def run(self):
        self.db.add(Book(title="index", author_id=self.author_id))
        self.db.flush()
        self.flushed = True


def create(name):
    with SessionLocal() as db:
        a = Author(name=name)
        db.add(a)
        db.commit()
        t = Indexer(db, a.id)  # MEND
        t.start()
        while not t.flushed:  # a plain flag: it orders nothing
            time.sleep(0)
        n = db.query(Book).count()
        t.join()
        db.commit()
        return n

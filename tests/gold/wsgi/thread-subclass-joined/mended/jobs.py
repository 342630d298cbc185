import threading
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker
from models import Author, Book

engine = create_engine("sqlite:///sub2.db", connect_args={"check_same_thread": False})
SessionLocal = sessionmaker(engine)
gate = threading.Event()


class Indexer(threading.Thread):
    def __init__(self, author_id):
        super().__init__(daemon=True)
        self.author_id = author_id

    def run(self):
        with SessionLocal() as db:
            db.add(Book(title="index", author_id=self.author_id))
            db.commit()


def create(name):
    with SessionLocal() as db:
        a = Author(name=name)
        db.add(a)
        db.commit()
        t = Indexer(a.id)
        t.start()
        t.join()
        n = db.query(Book).count()
        db.commit()
        return n

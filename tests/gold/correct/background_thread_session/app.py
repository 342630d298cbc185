import queue
import threading

from flask import Flask
from sqlalchemy import StaticPool, create_engine, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class Hit(Base):
    __tablename__ = "hit"
    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str]


engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
# Only the recorder thread may touch this one.
recorder_session = Session(engine)
hits: queue.SimpleQueue = queue.SimpleQueue()
app = Flask(__name__)


def record():
    Base.metadata.create_all(engine)
    for path, answer in iter(hits.get, None):
        recorder_session.add(Hit(path=path))
        recorder_session.commit()
        if answer is not None:
            query = select(func.count(Hit.id)).where(Hit.path == path)
            answer.put(recorder_session.scalar(query))
    recorder_session.close()


def start():
    thread = threading.Thread(target=record, daemon=True)
    thread.start()
    return thread


@app.get("/<path>")
def page(path):
    hits.put((path, None))
    return path


@app.get("/<path>/hits")
def count_hits(path):
    answer = queue.SimpleQueue()
    hits.put((path, answer))
    return {"hits": answer.get(timeout=5)}

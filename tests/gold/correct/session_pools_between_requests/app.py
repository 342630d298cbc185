"""Pools that the module makes, and pools that each app makes."""

import asyncio
import queue
import threading
from contextlib import contextmanager

from fastapi import FastAPI
from flask import Flask
from sqlalchemy import create_engine, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

engine = create_engine("sqlite:///lines.db", connect_args={"check_same_thread": False})


class Base(DeclarativeBase):
    pass


class Line(Base):
    __tablename__ = "line"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]





def write(session):
    session.add(Line(text="a line"))
    session.commit()
    found = session.scalar(select(func.count(Line.id)))
    session.rollback()
    return found


class ListPool:
    def __init__(self, size):
        self._lock = threading.Lock()
        self._idle = [Session(engine) for _ in range(size)]

    def get(self):
        while True:
            with self._lock:
                if self._idle:
                    return self._idle.pop()

    def put(self, session):
        with self._lock:
            self._idle.append(session)


class Ranked:
    """A PriorityQueue that prefers the sessions that were used last."""

    def __init__(self, size):
        self._idle = queue.PriorityQueue()
        for rank in range(size):
            self._idle.put((rank, Session(engine)))

    @contextmanager
    def borrow(self):
        rank, session = self._idle.get(timeout=5)
        try:
            yield session
        finally:
            self._idle.put((rank, session))


pools = {"fifo": queue.Queue(), "lifo": queue.LifoQueue(), "simple": queue.SimpleQueue()}
for each in pools.values():
    each.put(Session(engine))
pools["list"] = ListPool(1)
ranked = Ranked(1)


def flask_app(turn=lambda: None):
    app = Flask(__name__)
    own = ListPool(1)

    @app.post("/<name>")
    def add(name):
        pool = own if name == "own" else pools[name]
        for _ in range(2):
            session = pool.get()
            try:
                write(session)
            finally:
                pool.put(session)
            turn()
        return "done"

    @app.post("/ranked")
    def add_ranked():
        with ranked.borrow() as session:
            return str(write(session))

    return app


def fastapi_app():
    app = FastAPI()
    idle = asyncio.LifoQueue()
    idle.put_nowait(Session(engine))

    @app.post("/")
    async def add():
        for _ in range(2):
            session = await idle.get()
            try:
                write(session)
                await asyncio.sleep(0)
            finally:
                idle.put_nowait(session)
            await asyncio.sleep(0.01)

    return app

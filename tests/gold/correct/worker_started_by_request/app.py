import asyncio
import queue
import threading

from fastapi import FastAPI
from flask import Flask
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker


class Base(DeclarativeBase):
    pass


class Line(Base):
    __tablename__ = "line"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]


SessionLocal = sessionmaker()


class Writer:
    """Writes lines in one transaction for each three of them."""

    def __init__(self):
        self.lines = queue.Queue()
        self.thread = None

    def write(self, text):
        if self.thread is None:
            self.thread = threading.Thread(target=self.run)
            self.thread.start()
        self.lines.put(text)
        self.lines.join()

    def run(self):
        with SessionLocal() as session:
            for number, text in enumerate(iter(self.lines.get, None), 1):
                session.add(Line(text=text))
                session.flush()
                if number % 3 == 0:
                    session.commit()
                self.lines.task_done()
            session.commit()

    def stop(self):
        self.lines.put(None)
        self.thread.join()


def flask_app(writer):
    app = Flask(__name__)

    @app.post("/<text>")
    def add(text):
        writer.write(text)
        return "", 201

    return app


class AsyncWriter:
    def __init__(self):
        self.lines = asyncio.Queue()
        self.task = None

    async def write(self, text):
        if self.task is None:
            self.task = asyncio.create_task(self.run())
        self.lines.put_nowait(text)
        await self.lines.join()

    async def run(self):
        with SessionLocal() as session:
            while (text := await self.lines.get()) is not None:
                session.add(Line(text=text))
                session.flush()
                self.lines.task_done()
            session.commit()


def fastapi_app(writer):
    app = FastAPI()

    @app.post("/{text}")
    async def add(text: str):
        await writer.write(text)

    return app

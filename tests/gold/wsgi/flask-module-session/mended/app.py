"""Bookshelf: a reading list as a small JSON API."""

import os

from flask import Flask, jsonify, request
from sqlalchemy import String, create_engine, select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    mapped_column,
    scoped_session,
    sessionmaker,
)

engine = create_engine(os.environ["BOOKSHELF_DB"])
session = scoped_session(sessionmaker(engine))


class Base(DeclarativeBase):
    pass


class Book(Base):
    __tablename__ = "book"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(120), unique=True)
    finished: Mapped[bool] = mapped_column(default=False)


app = Flask(__name__)


@app.teardown_appcontext
def remove_session(exc):
    session.remove()


@app.post("/books")
def add_book():
    book = Book(title=request.get_json()["title"])
    session.add(book)
    session.flush()
    body = {"id": book.id, "title": book.title}
    session.commit()
    return jsonify(body), 201


@app.post("/books/<int:book_id>/finish")
def finish(book_id):
    book = session.get(Book, book_id)
    if book is None:
        session.rollback()
        return jsonify(error="no such book"), 404
    book.finished = True
    session.commit()
    return "", 204


@app.get("/books/unread")
def unread():
    titles = session.scalars(select(Book.title).where(Book.finished.is_(False))).all()
    session.rollback()
    return jsonify(list(titles))

"""What is measured: units of work as an application under test does them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient
from flask import Flask
from sqlalchemy import Engine, ForeignKey, String, func, select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    relationship,
    scoped_session,
    sessionmaker,
)


class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "sessionguard_bench_author"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40))
    books: Mapped[list[Book]] = relationship(back_populates="author")


class Book(Base):
    __tablename__ = "sessionguard_bench_book"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(40))
    author_id: Mapped[int] = mapped_column(ForeignKey("sessionguard_bench_author.id"))
    author: Mapped[Author] = relationship(back_populates="books")


def request_like(make: sessionmaker[Session]) -> None:
    """What a request does: read, lazily load, add, commit, read again."""
    with make() as session:
        author = session.scalars(select(Author).limit(1)).one()
        len(author.books)
        book = Book(title="new", author=author)
        session.add(book)
        session.commit()
        author.name = author.name.swapcase()
        session.delete(book)
        session.commit()


def read_rows(make: sessionmaker[Session]) -> None:
    """A read of 20 objects and one attribute of each."""
    with make() as session:
        for book in session.scalars(select(Book).limit(20)):
            book.title  # noqa: B018


def flask_request(engine: Engine) -> Work:
    """A request through Flask's test client: three queries, a change and a commit."""
    registry = scoped(engine)
    app = Flask(__name__)

    @app.teardown_appcontext
    def remove(_: BaseException | None) -> None:
        registry.remove()

    @app.post("/authors/<int:number>/visits")
    def visit(number: int) -> dict[str, object]:
        author = registry.get(Author, number)
        assert author is not None
        newest = registry.scalars(
            select(Book).where(Book.author == author).order_by(Book.id.desc()).limit(10)
        ).all()
        count = registry.scalar(select(func.count()).select_from(Book))
        author.name = author.name.swapcase()
        shown = {"titles": [book.title for book in newest], "count": count}
        registry.commit()
        return shown

    client = app.test_client()
    with Session(engine) as session:
        number = session.scalars(select(Author.id)).first()

    def work() -> None:
        assert client.post(f"/authors/{number}/visits").status_code == 200

    return work


def fastapi_request(engine: Engine) -> Work:
    """The same through Starlette's test client: a plain endpoint in a pool thread, get_db in others."""
    app, make = FastAPI(), sessionmaker(engine)

    def get_db() -> Iterator[Session]:
        with make() as session:
            yield session

    given = Depends(get_db)

    @app.post("/authors/{number}/visits")
    def visit(number: int, session: Session = given) -> dict[str, object]:
        author = session.get(Author, number)
        assert author is not None
        newest = session.scalars(
            select(Book).where(Book.author == author).order_by(Book.id.desc()).limit(10)
        ).all()
        author.name = author.name.swapcase()
        shown: dict[str, object] = {"titles": [book.title for book in newest]}
        session.commit()
        return shown

    client = TestClient(app)
    with Session(engine) as session:
        number = session.scalars(select(Author.id)).first()

    def work() -> None:
        assert client.post(f"/authors/{number}/visits").status_code == 200

    return work


Work = Callable[[], object]
Workload = tuple[str, Callable[[], Work]]
"""A name, and what makes the unit of work: under the hooks, if it is to be seen."""


def reaching(engine: Engine) -> Iterator[Workload]:
    """Units of work that reach the database."""
    make = sessionmaker(engine)
    yield "request-like: 2 reads, add, delete, 2 commits", lambda: partial(request_like, make)
    yield "read 20 rows", lambda: partial(read_rows, make)
    yield "Flask client: 3 queries, commit", lambda: flask_request(engine)
    yield "FastAPI client: 2 queries, commit", lambda: fastapi_request(engine)


def staying(engine: Engine) -> Iterator[Workload]:
    """Units of work that never do: the hooks by themselves."""
    yield "Session.get, identity-map hit", lambda: get_again(Session(engine))
    yield "scoped_session.get, identity-map hit", lambda: get_again(scoped(engine))
    yield "add and expunge", lambda: partial(add_and_expunge, Session(engine))
    yield "make a Session", lambda: sessionmaker(engine)
    yield "set an attribute", lambda: change(Session(engine))


def scoped(engine: Engine) -> scoped_session[Session]:
    """A registry, as an application has one."""
    return scoped_session(sessionmaker(engine))


def get_again(session: Session | scoped_session[Session]) -> Work:
    """The identity map has it."""
    author = session.scalars(select(Author).limit(1)).one()

    def get() -> object:
        return session.get(Author, author.id)

    return get


def add_and_expunge(session: Session) -> None:
    book = Book(title="t")
    session.add(book)
    session.expunge(book)


def change(session: Session) -> Work:
    """An attribute of one instance, again and again."""
    author = session.scalars(select(Author).limit(1)).one()

    def work() -> None:
        author.name = "x" if author.name == "y" else "y"

    return work

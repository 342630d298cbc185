"""What watching costs: the same work with and without the hooks, alternating in one process.

    python bench/watch_overhead.py [--rounds 15] [--url URL ...]

Prints, for each database and workload, the median time of one unit of work without the guard, with
it, and the median of the ratios of neighbouring rounds; a round takes some 50 ms. Where others use
the machine, or a disk is waited for, the two columns on the right are steadier: the processor time
that the guard adds, and its share of the plain time. The databases are SQLite in memory-backed
/dev/shm (where the database costs least), SQLite on disk and each ``--url``, say
``postgresql+psycopg://postgres@127.0.0.1/test``; the tables of the benchmark are dropped at the
end. The first workloads reach the database; the others never do and show the cost of a hook by
itself. The last line is what a test costs besides: beginning its trace, and judging it after the
body and after the teardown.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from flask import Flask
from sqlalchemy import Engine, ForeignKey, String, create_engine, func, select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    close_all_sessions,
    mapped_column,
    relationship,
    scoped_session,
    sessionmaker,
)

from pytest_sessionguard.guard import Guard
from pytest_sessionguard.settings import Settings


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


Work = Callable[[], object]
Workload = tuple[str, Callable[[], Work]]
"""A name, and what makes the unit of work: under the hooks, if it is to be seen."""


def reaching(engine: Engine) -> Iterator[Workload]:
    """Units of work that reach the database."""
    make = sessionmaker(engine)
    yield "request-like: 2 reads, add, delete, 2 commits", lambda: partial(request_like, make)
    yield "read 20 rows", lambda: partial(read_rows, make)
    yield "Flask client: 3 queries, commit", lambda: flask_request(engine)


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


@contextmanager
def watched() -> Iterator[Guard]:
    """The hooks in place, as while a test runs."""
    guard = Guard(Settings(watch=True), Path(__file__).resolve().parent, ["test_*.py"])
    guard.install()
    guard.start("bench")
    try:
        yield guard
    finally:
        guard.remove()
    for fault in guard.faults:
        raise SystemExit(fault)


class Round(NamedTuple):
    """Seconds for one unit of work: on the clock, and of the processor."""

    wall: float
    cpu: float


def one_round(work: Callable[[], object], times: int) -> Round:
    """Do the work so many times."""
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(times):
        work()
    return Round((time.perf_counter() - wall) / times, (time.process_time() - cpu) / times)


def compare(make: Callable[[], Work], rounds: int) -> list[tuple[Round, Round]]:
    """Neighbouring rounds without and with the guard."""
    work = make()
    one_round(work, 10)
    times = max(10, round(0.05 / one_round(work, 10).wall))
    pairs = []
    for _ in range(rounds):
        work = make()
        work()  # what happens once
        plain = one_round(work, times)
        with watched():
            work = make()
            work()
            pairs.append((plain, one_round(work, times)))
        close_all_sessions()
    return pairs


def table(title: str, workloads: Iterator[Workload], rounds: int) -> None:
    """Print one table."""
    heading = f"{title} ({rounds} rounds)"
    print(
        f"\n{heading:48} {'plain':>10} {'guarded':>10} {'ratio':>7} {'cpu added':>11} {'share':>6}"
    )
    for name, make in workloads:
        pairs = compare(make, rounds)
        plain = statistics.median(before.wall for before, _ in pairs)
        guarded = statistics.median(after.wall for _, after in pairs)
        ratio = statistics.median(after.wall / before.wall for before, after in pairs)
        added = statistics.median(after.cpu - before.cpu for before, after in pairs)
        print(
            f"{name:48} {plain * 1e6:8.1f}us {guarded * 1e6:8.1f}us {ratio:7.3f}"
            f" {added * 1e6:9.1f}us {added / plain:6.1%}",
            flush=True,
        )


def per_test(engine: Engine, rounds: int) -> float:
    """Seconds for beginning and judging the trace of a test that does the request-like work."""
    make, spent = sessionmaker(engine), []
    with watched() as guard:
        for _ in range(rounds * 10):
            begin = time.perf_counter()
            guard.start("bench")
            started = time.perf_counter()
            request_like(make)
            done = time.perf_counter()
            guard.body_ended(guard.settings)
            guard.judge(guard.settings)
            spent.append(time.perf_counter() - done + started - begin)
    return statistics.median(spent)


@contextmanager
def database(url: str) -> Iterator[Engine]:
    """An engine, with the tables of the benchmark in the database as long as it is used."""
    engine = create_engine(url)
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Author(name="A", books=[Book(title=f"b{n}") for n in range(20)]))
        session.commit()
    try:
        yield engine
    finally:
        close_all_sessions()
        Base.metadata.drop_all(engine)
        engine.dispose()


def main(rounds: int, urls: list[str]) -> None:
    """Print the tables."""
    fast = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=fast) as memory, tempfile.TemporaryDirectory() as disk:
        in_memory = f"sqlite:///{memory}/bench.db"
        named = {"SQLite in /dev/shm": in_memory, "SQLite on disk": f"sqlite:///{disk}/bench.db"}
        for title, url in [*named.items(), *((url.partition(":")[0], url) for url in urls)]:
            with database(url) as engine:
                table(title, reaching(engine), rounds)
        with database(in_memory) as engine:
            table("no database", staying(engine), rounds)
            print(f"\nfor each test besides: {per_test(engine, rounds) * 1e6:.0f}us")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="What watching costs.")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--url", action="append", default=[], help="a further database to use")
    arguments = parser.parse_args()
    main(arguments.rounds, arguments.url)

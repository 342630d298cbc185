"""What watching costs: the same work with and without the hooks, alternating in one process.

    python bench/watch_overhead.py [--rounds 9] [--url postgresql+psycopg://postgres@127.0.0.1/test]

Prints, for each workload, the median time of one unit of work without the guard, with it, and the
median of the ratios of neighbouring rounds. The first two workloads reach the database (default:
SQLite on a file in /dev/shm, where it costs least); the others never do and show the cost of a
hook by itself. The tables of the benchmark are dropped at the end.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import ForeignKey, String, create_engine, select
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


def workloads(make: sessionmaker[Session]) -> dict[str, tuple[Callable[[], object], int]]:
    """Name -> the unit of work, and how many of them make a round."""
    kept = make()
    author = kept.scalars(select(Author).limit(1)).one()
    registry = scoped_session(make)
    loaded = registry.get(Author, author.id)  # kept, or the identity map would forget it

    def change() -> None:
        author.name = "x" if author.name == "y" else "y"

    def add_and_expunge() -> None:
        book = Book(title="t")
        kept.add(book)
        kept.expunge(book)

    return {
        "request-like (reaches the database)": (lambda: request_like(make), 150),
        "read 20 rows (reaches the database)": (lambda: read_rows(make), 150),
        "Session.get, identity-map hit": (lambda: kept.get(Author, author.id), 5000),
        "scoped_session.get, identity-map hit": (lambda: registry.get(Author, loaded.id), 5000),
        "add and expunge": (add_and_expunge, 3000),
        "set an attribute": (change, 20000),
    }


@contextmanager
def watched() -> Iterator[None]:
    """The hooks in place, as while a test runs."""
    guard = Guard(Settings(watch=True), Path(__file__).resolve().parent, ["test_*.py"])
    guard.install()
    guard.start("bench")
    try:
        yield
    finally:
        guard.remove()


def one_round(work: Callable[[], object], times: int) -> float:
    """Seconds for one unit of work."""
    gc.collect()
    begin = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - begin) / times


def compare(work: Callable[[], object], times: int, rounds: int) -> tuple[float, float, float]:
    """Medians without and with the guard, and of the ratios of neighbouring rounds."""
    plain, guarded = [], []
    one_round(work, times)
    for _ in range(rounds):
        plain.append(one_round(work, times))
        with watched():
            guarded.append(one_round(work, times))
    ratios = [after / before for before, after in zip(plain, guarded, strict=True)]
    return statistics.median(plain), statistics.median(guarded), statistics.median(ratios)


def main(rounds: int, url: str | None) -> None:
    """Print the table."""
    fast = Path("/dev/shm")
    folder = str(fast) if fast.is_dir() else None
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        engine = create_engine(url or f"sqlite:///{temporary}/bench.db")
        Base.metadata.drop_all(engine)
        Base.metadata.create_all(engine)
        make = sessionmaker(engine)
        with make() as session:
            author = Author(name="A", books=[Book(title=f"b{n}") for n in range(20)])
            session.add(author)
            session.commit()
        print(f"{'workload':40} {'plain':>10} {'guarded':>10} {'ratio':>7}   ({rounds} rounds)")
        for name, (work, times) in workloads(make).items():
            plain, guarded, ratio = compare(work, times, rounds)
            print(f"{name:40} {plain * 1e6:8.1f}us {guarded * 1e6:8.1f}us {ratio:7.3f}")
        close_all_sessions()
        Base.metadata.drop_all(engine)
        engine.dispose()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="What watching costs.")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--url", help="a database to use instead of SQLite; its tables are dropped")
    arguments = parser.parse_args()
    main(arguments.rounds, arguments.url)

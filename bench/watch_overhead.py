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
from pathlib import Path
from typing import NamedTuple

import pytest  # noqa: F401  (the collector works less with pytest's objects around, as in life)
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session, close_all_sessions, sessionmaker
from workloads import Author, Base, Book, Work, Workload, reaching, request_like, staying

from pytest_sessionguard.guard import Guard
from pytest_sessionguard.settings import Settings


@contextmanager
def watched() -> Iterator[Guard]:
    """The hooks in place, as while a test runs."""
    guard = Guard(Settings(watch=True), Path(__file__).resolve().parent, ["test_*.py"])
    guard.install()
    guard.recorder.frames.roles[__file__] = "library"  # the user's lines end here, as at pytest
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

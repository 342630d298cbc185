"""How many executions a search takes: one script, three tables.

    python bench/search.py [--schedules 2000]

1. Executions until the first finding, by the default search.
2. Distinct orders and executions, reduced against plain bounding with 2 preemptions.
3. Growth of the reduced search: 2, 3, 4 workers of 10, 20, 40 steps, of which a tenth meets; at most
   200 executions, without a database, so the time is that of the search itself.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

HEAD = """
import pytest
from sqlalchemy import create_engine, func, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, scoped_session, sessionmaker


class Base(DeclarativeBase):
    pass


class A(Base):
    __tablename__ = "a"
    id: Mapped[int] = mapped_column(primary_key=True)
    n: Mapped[int]


class B(Base):
    __tablename__ = "b"
    id: Mapped[int] = mapped_column(primary_key=True)
    n: Mapped[int]


@pytest.fixture
def engine(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/bench.db")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(A(id=1, n=10))
        session.commit()
    yield engine
    engine.dispose()


def work(engine, kind):
    with Session(engine) as session:
        session.add(kind(n=1))
        session.execute(select(kind)).all()
        session.commit()
        session.scalars(select(kind)).all()


def value(engine, query):
    with Session(engine) as session:
        return session.scalar(query)
"""
FAULTY = """
def test_lost_update(engine, concurrently):
    def buy():
        with Session(engine) as session:
            session.get(A, 1).n -= 1
            session.commit()

    concurrently(buy)
    assert value(engine, select(A.n)) == 8


def test_check_then_insert(engine, concurrently):
    def register():
        with Session(engine) as session:
            if session.scalar(select(A).where(A.n == 7)) is None:
                session.add(A(n=7))
                session.commit()

    concurrently(register)
    assert value(engine, select(func.count(A.id)).where(A.n == 7)) == 1


def test_shared_session(engine, concurrently):
    session = Session(engine)

    def use():
        session.add(A(n=1))
        session.commit()

    concurrently(use)


def test_remove_by_other(engine, concurrently):
    registry = scoped_session(sessionmaker(engine), scopefunc=lambda: "app")

    def use():
        mine = A(n=1)
        registry.add(mine)
        registry.commit()
        mine.n
        registry.remove()

    concurrently(use)
"""
ASYNC = """
import asyncio
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine


@pytest.mark.asyncio
async def test_gather_on_one_session(engine, concurrently):
    source = create_async_engine(f"sqlite+aiosqlite:///{engine.url.database}")

    async def page():
        async with AsyncSession(source) as session:
            query = select(A.n)
            await asyncio.gather(*(session.scalars(query) for _ in range(2)), return_exceptions=True)

    await concurrently(page)
    await source.dispose()


def test_detached_by_another(engine, concurrently):
    registry = scoped_session(sessionmaker(engine))
    cache = {}

    def show():
        if "a" not in cache:
            cache["a"] = registry.get(A, 1)
            registry.commit()
            registry.remove()
        cache["a"].n

    concurrently(show)
"""
CORRECT = """
def test_same_table(engine, concurrently):
    concurrently(lambda: work(engine, A))


def test_two_tables(engine, concurrently):
    concurrently(lambda: work(engine, A), lambda: work(engine, B))


def test_atomic_update(engine, concurrently):
    def buy():
        with Session(engine) as session:
            session.execute(update(A).values(n=A.n - 1))
            session.commit()

    concurrently(buy)


def test_three_workers(engine, concurrently):
    concurrently(lambda: work(engine, A), workers=3)
"""


def searches(source: str, schedules: int, strategy: str) -> Any:
    """The report's ``searches`` of a run, by test."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "test_bench.py").write_text(source, encoding="utf-8")
        command = [
            sys.executable, "-m", "pytest", "-q", "-p", "sessionguard", "-p", "no:cacheprovider",
            "-p", "no:randomly", f"--sessionguard-strategy={strategy}",
            f"--sessionguard-schedules={schedules}", "--sessionguard-report=json:g.json",
        ]  # fmt: skip
        subprocess.run(command, cwd=folder, capture_output=True, check=False)
        report = json.loads((Path(folder) / "g.json").read_text(encoding="utf-8"))
    return {each["test"].partition("::test_")[2]: each for each in report["searches"]}


def first_findings(schedules: int) -> None:
    print(f"{'executions until the first finding':36}{'systematic':>12}{'reduced':>10}")
    programs = HEAD + FAULTY + ASYNC
    found = [searches(programs, schedules, each) for each in ("systematic", "reduced")]
    for name in found[0]:
        print(
            f"{name:36}{found[0][name]['first_finding']!s:>12}{found[1][name]['first_finding']!s:>10}"
        )


def reductions(schedules: int) -> None:
    print(
        f"\n{'distinct orders / executions':36}{'reduced':>14}{'systematic':>14}{'bounded 2':>16}"
    )
    strategies = ("reduced", "systematic", "bounded")
    found = [searches(HEAD + CORRECT, schedules, each) for each in strategies]
    for name in found[0]:
        cells = [f"{each[name]['classes']} / {each[name]['executions']}" for each in found]
        print(f"{name:36}{cells[0]:>14}{cells[1]:>14}{cells[2]:>16}")


def growth(most: int = 200) -> None:
    from unit.touching import read, search, write

    from pytest_sessionguard.schedule.reduced import Reduced

    print(f"\n{'growth':24}{'executions':>12}{'ms each':>10}{'MB':>8}")
    for workers in (2, 3, 4):
        for steps in (10, 20, 40):
            script = [
                [write("shared") if step % 10 == 5 else read(f"own {step}")]
                for step in range(steps)
            ]
            tracemalloc.start()
            began = time.perf_counter()
            found = search(Reduced(), *[script] * workers, stop_after=most)
            seconds = time.perf_counter() - began
            memory = tracemalloc.get_traced_memory()[1] / 1e6
            tracemalloc.stop()
            each = seconds / found.executions * 1000
            print(f"{workers} workers, {steps} steps".ljust(24), end="")
            print(f"{found.executions:>12}{each:>10.2f}{memory:>8.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--schedules", type=int, default=2000)
    schedules = parser.parse_args().schedules
    first_findings(100)
    reductions(schedules)
    growth()


if __name__ == "__main__":
    main()

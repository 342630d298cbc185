"""Executions a second, ours against those of frontrun and interleave-test, on the same programs.

    pip install frontrun interleave-test        # the second needs Python 3.12
    python bench/peers.py [--executions 40] [--disk FOLDER]

Two workers on an SQLite file, each with a Session of its own; the file is made anew or put back for
each execution. A program that is right is run to the end of the budget, and must not fail; a lost update
must be found. Ours runs the whole test again for each execution, fixtures and reports included.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

MODEL = """
import os
from pathlib import Path
from sqlalchemy import create_engine, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

PLACE = Path(os.environ["BENCH_PLACE"]) / "stock.db"


class Base(DeclarativeBase):
    pass


class Stock(Base):
    __tablename__ = "stock"
    id: Mapped[int] = mapped_column(primary_key=True)
    left: Mapped[int]


def fresh():
    PLACE.unlink(missing_ok=True)
    engine = create_engine(f"sqlite:///{PLACE}")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Stock(id=1, left=10))
        session.commit()
    return engine


def left(engine):
    with Session(engine) as session:
        return session.get(Stock, 1).left


EXPECTED = 8
"""
PROGRAMS = {
    "two readers": """
def buy(engine):
    for _ in range(4):
        left(engine)


EXPECTED = 10
""",
    "atomic update": """
def buy(engine):
    with Session(engine) as session:
        session.execute(update(Stock).values(left=Stock.left - 1))
        session.commit()
""",
    "lost update": """
def buy(engine):
    with Session(engine) as session:
        session.get(Stock, 1).left -= 1
        session.commit()
""",
}
OURS = """
import time


def test_it(concurrently):
    engine = fresh()
    concurrently(lambda: buy(engine), workers=2)
    assert left(engine) == EXPECTED
    engine.dispose()
"""
CLOCK = """
import time
from pathlib import Path
import pytest


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    began = time.perf_counter()
    result = yield
    Path("took.txt").write_text(str(time.perf_counter() - began))
    return result
"""
FRONTRUN = """
import sys, time
import frontrun

began = time.perf_counter()
result = frontrun.explore(
    setup=fresh, workers=buy, count=2, invariant=lambda engine: left(engine) == EXPECTED,
    max_executions=int(sys.argv[1]), reproduce_on_failure=0, warn_nondeterministic_sql=False,
)
took = time.perf_counter() - began
print("RAN", result.num_explored, took, "found" if not result.property_holds else "silent")
"""
INTERLEAVE = """
import sys, time
import interleave_test

runs = 0


def model():
    global runs
    runs += 1
    engine = fresh()
    workers = [interleave_test.spawn(buy, engine) for _ in range(2)]
    for worker in workers:
        worker.join()
    assert left(engine) == EXPECTED
    engine.dispose()


began = time.perf_counter()
result = interleave_test.explore(
    model, iterations=int(sys.argv[1]), seed=1, raise_on_failure=False, granularity="line"
)
took = time.perf_counter() - began
print("RAN", runs, took, "silent" if result.ok else "found")
"""


class Ran(NamedTuple):
    """What a tool did: so many executions in so many seconds, and what it said."""

    executions: int
    seconds: float
    said: str


def peer(text: str, *command: str) -> Callable[[Path, str, int], Ran]:
    """Runs a tool's script; ``command`` comes before the interpreter."""

    def run(folder: Path, program: str, executions: int) -> Ran:
        script = folder / "script.py"
        script.write_text(MODEL + program + text)
        done = _done([*command, sys.executable, str(script), str(executions)], folder)
        found = re.search(r"^RAN (\d+) (\S+) (\w+)$", done, re.M)
        if found is None:
            return Ran(0, 0.0, (done.strip().splitlines() or ["nothing"])[-1][:60])
        return Ran(int(found[1]), float(found[2]), found[3])

    return run


def ours(folder: Path, program: str, executions: int) -> Ran:
    """One test; a failing one is repeated and shrunk besides, which counts as time only."""
    (folder / "test_it.py").write_text(MODEL + program + OURS)
    (folder / "clock.py").write_text(CLOCK)
    (folder / "pytest.ini").write_text("[pytest]\npythonpath = .\n")
    command = [sys.executable, "-m", "pytest", "-p", "pytest_sessionguard.plugin", "--sessionguard"]
    command += [f"--sessionguard-schedules={executions}", "--sessionguard-report=json:report.json"]
    output = _done([*command, "-p", "clock", "-p", "no:cacheprovider", "test_it.py"], folder)
    (search,) = json.loads((folder / "report.json").read_text())["searches"]
    said = "found" if " failed" in output else "silent"
    return Ran(search["executions"], float((folder / "took.txt").read_text()), said)


def _done(command: list[str], folder: Path) -> str:
    environment = {
        "BENCH_PLACE": str(folder), "PATH": "/usr/bin:/bin", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"
    }  # fmt: skip
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False,
            timeout=600,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "no end after 600 s"
    return done.stdout + done.stderr


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--executions", type=int, default=40)
    parser.add_argument("--disk", metavar="FOLDER", help="where the database is; else /dev/shm")
    chosen = parser.parse_args()
    tools = {
        "pytest-sessionguard": ours,
        "frontrun": peer(FRONTRUN, str(Path(sys.executable).with_name("frontrun"))),
        "interleave-test": peer(INTERLEAVE),
    }
    place = chosen.disk or ("/dev/shm" if Path("/dev/shm").is_dir() else None)
    print("program         tool                 executions  seconds  a second  said")
    for name, program in PROGRAMS.items():
        for tool, run in tools.items():
            with tempfile.TemporaryDirectory(dir=place) as folder:
                ran = run(Path(folder), program, chosen.executions)
            speed = ran.executions / ran.seconds if ran.seconds > 0 else 0.0
            print(
                f"{name:15} {tool:20} {ran.executions:10} {ran.seconds:8.2f} {speed:9.1f}  {ran.said}",
                flush=True,
            )


if __name__ == "__main__":
    main()

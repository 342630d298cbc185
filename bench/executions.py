"""What an execution costs: workers that take turns, against the same bodies one after the other.

    python bench/executions.py [--rounds 5] [--times 150] [--disk FOLDER] [--program NAME]

Two workers each do add, select, commit and read on an SQLite file. Both sides run the whole test again
and again with pytest's own runtestprotocol and put the database back in between; the plain side does
it without the guard, the bodies one after the other. So the ratio holds everything: hooks, rules,
turns, parking. Each figure is the median of alternating rounds; a round is a process of its own, timed
from its first test to its end. The ratio of processor time depends less on the neighbours.

The second table is the price of one yield point: the worker stays, or another one goes on.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from pytest_sessionguard.backends import backend as backends
from pytest_sessionguard.backends import workers
from pytest_sessionguard.schedule.turns import Turns

PREAMBLE = """
import os, sqlite3
import pytest
from pathlib import Path
from sqlalchemy import create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

PLACE = Path(os.environ["BENCH_PLACE"]) / "notes.db"
engine = create_engine(f"sqlite:///{PLACE}")


class Base(DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "note"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]


def work(session):
    note = Note(text="a")
    session.add(note)
    session.scalars(select(Note)).all()
    session.commit()
    return note.text


@pytest.fixture(scope="module", autouse=True)
def tables():
    Base.metadata.create_all(engine)
    yield
    engine.dispose()


def saved():
    copy = sqlite3.connect(":memory:")
    with sqlite3.connect(PLACE) as source:
        source.backup(copy)
    source.close()
    return copy


def restore(copy):
    target = sqlite3.connect(PLACE)
    target.execute("PRAGMA synchronous = OFF")
    copy.backup(target)
    target.close()
    copy.close()


@pytest.fixture
def put_back():
    copy = saved()
    yield
    engine.dispose()
    restore(copy)
"""
DIRECT = """
def body(client=None):
    with Session(engine) as session:
        return work(session)


@pytest.fixture
def client():
    return None
"""
FLASK = """
from flask import Flask

app = Flask(__name__)


@app.post("/notes")
def add():
    with Session(engine) as session:
        return work(session)


def body(client):
    assert client.post("/notes").text == "a"


@pytest.fixture
def client():
    return app.test_client()
"""
FASTAPI = """
from typing import Annotated
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient

app = FastAPI()


def get_db():
    with Session(engine) as session:
        yield session


@app.post("/notes")
def add(session: Annotated[Session, Depends(get_db)]):
    return work(session)


def body(client):
    assert client.post("/notes").json() == "a"


@pytest.fixture
def client():
    return TestClient(app)
"""
ASYNC = """
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

engine = create_async_engine(f"sqlite+aiosqlite:///{PLACE}")


async def body(client=None):
    async with AsyncSession(engine) as session:
        note = Note(text="a")
        session.add(note)
        (await session.scalars(select(Note))).all()
        await session.commit()
        await session.refresh(note)
        return note.text


@pytest.fixture(scope="module", autouse=True)
def tables():
    plain = create_engine(f"sqlite:///{PLACE}")
    Base.metadata.create_all(plain)
    plain.dispose()


@pytest.fixture
def client():
    return None


@pytest.fixture
async def put_back():
    copy = saved()
    yield
    await engine.dispose()
    restore(copy)
"""
PLAIN = """
def test_notes(client, put_back):
    for _ in range(2):
        body(client)
"""
GUARDED = """
@pytest.mark.concurrent_sessions(workers=2, backend={backend!r}, strategy="random")
def test_notes(client):
    body(client)
"""
PLAIN_ASYNC = """
async def test_notes(client, put_back):
    for _ in range(2):
        await body(client)
"""
GUARDED_ASYNC = """
@pytest.mark.concurrent_sessions(workers=2, backend="asyncio", strategy="random")
async def test_notes(client):
    await body(client)
"""
CLOCK = """
import os
import time
from pathlib import Path
import pytest


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    before = time.perf_counter(), time.process_time()
    result = yield
    after = time.perf_counter(), time.process_time()
    took = [str(end - begin) for begin, end in zip(before, after)]
    Path("took.txt").write_text(" ".join(took))
    return result
"""
AGAIN = """
import os
import pytest
from _pytest.runner import runtestprotocol


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    for number in range(int(os.environ["BENCH_TIMES"])):
        reports = runtestprotocol(item, nextitem=item.parent, log=False)
        assert all(report.passed for report in reports), reports
        item._report_sections = []
    item.session._setupstate.teardown_exact(nextitem)
    return True
"""
PATCHED = "from gevent import monkey; monkey.patch_all()\n"


class Program(NamedTuple):
    """``text`` defines ``body`` and the fixture ``client``."""

    name: str
    backend: str
    text: str


PROGRAMS = (
    Program("threads, Session", "thread", DIRECT),
    Program("threads, Flask client", "thread", FLASK),
    Program("threads, FastAPI client", "thread", FASTAPI),
    Program("gevent, Session", "gevent", DIRECT),
    Program("gevent, Flask client", "gevent", FLASK),
    Program("asyncio, AsyncSession", "asyncio", ASYNC),
)


class Round(NamedTuple):
    """Seconds for one run of the test: on the clock, and of the processor."""

    wall: float
    cpu: float


def one_round(folder: Path, times: int, guarded: bool, is_async: bool) -> Round:
    """One pytest run that runs the test so many times."""
    environment = {
        "BENCH_PLACE": str(folder), "BENCH_TIMES": str(times), "PATH": "/usr/bin:/bin",
        "SESSIONGUARD_SCHEDULES": str(times), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTEST_PLUGINS": "pytest_asyncio.plugin" if is_async else "",
    }  # fmt: skip
    plugin = ["pytest_sessionguard.plugin", "--sessionguard"] if guarded else ["again"]
    test = "test_guarded.py" if guarded else "test_plain.py"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "clock", "-p"]
    done = subprocess.run(
        [*command, *plugin, test],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode not in (0, 5):  # 5: the plain side reports no test
        raise SystemExit(done.stdout + done.stderr)
    return Round(*(float(part) / times for part in (folder / "took.txt").read_text().split()))


def measure(program: Program, rounds: int, times: int, place: str | None) -> None:
    """Print one line of the first table."""
    with tempfile.TemporaryDirectory(dir=place) as name:
        folder = Path(name)
        head = PATCHED if program.backend == "gevent" else ""
        body = head + PREAMBLE + program.text
        is_async = program.backend == "asyncio"
        marked = GUARDED_ASYNC if is_async else GUARDED.format(backend=program.backend)
        (folder / "test_plain.py").write_text(body + (PLAIN_ASYNC if is_async else PLAIN))
        (folder / "test_guarded.py").write_text(body + marked)
        (folder / "again.py").write_text(AGAIN)
        (folder / "clock.py").write_text(CLOCK)
        mode = "asyncio_mode = auto\n" if is_async else ""
        (folder / "pytest.ini").write_text(f"[pytest]\npythonpath = .\n{mode}")
        pairs = [
            tuple(one_round(folder, times, guarded, is_async) for guarded in (False, True))
            for _ in range(rounds)
        ]
    plain, ours = (statistics.median(pair[side].wall for pair in pairs) for side in (0, 1))
    wall = statistics.median(ours.wall / plain.wall for plain, ours in pairs)
    cpu = statistics.median(ours.cpu / plain.cpu for plain, ours in pairs)
    print(
        f"{program.name:26} {plain * 1000:8.2f} {ours * 1000:8.2f} {wall:6.2f}x {cpu:6.2f}x "
        f"{1 / ours:8.0f}",
        flush=True,
    )


def yield_point(name: str, change: bool, times: int = 5000) -> float:
    """Microseconds for one yield point: the holder stays, or (``change``) the other goes on."""
    backend = backends.make(name)
    schedule = (1,) * (2 * times) if change else ()
    turns = Turns(2, schedule, backend.gate, backend.lock(), False)

    def worker(number: int) -> Callable[[], None]:
        def work() -> None:
            for _ in range(times):
                turns.point(number, "step")

        return work

    began = time.perf_counter()
    workers.run([worker(0), worker(1)], backend, turns, lambda *_: None, lambda _: "", timeout=30.0)
    return (time.perf_counter() - began) / (2 * times) * 1e6


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--times", type=int, default=150, help="executions in a round")
    parser.add_argument("--disk", metavar="FOLDER", help="where the database is; else /dev/shm")
    parser.add_argument("--program", action="append", choices=[each.name for each in PROGRAMS])
    parser.add_argument("--gevent-point", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.gevent_point:
        points("gevent")
        return
    place = chosen.disk or ("/dev/shm" if Path("/dev/shm").is_dir() else None)
    print("one run of the test       plain ms  ours ms   ratio     CPU  executions a second")
    for program in PROGRAMS:
        if not chosen.program or program.name in chosen.program:
            measure(program, chosen.rounds, chosen.times, place)
    print("\none yield point, us       stays      another goes on")
    points("thread")
    patched = f"{PATCHED}import runpy, sys; sys.argv = ['x', '--gevent-point']; "
    patched += f"runpy.run_path({__file__!r}, run_name='__main__')"
    subprocess.run([sys.executable, "-c", patched], check=True)


def points(name: str) -> None:
    """Print one line of the second table."""
    stays, changes = (
        statistics.median(yield_point(name, change) for _ in range(5)) for change in (False, True)
    )
    print(f"{name:20} {stays:10.1f} {changes:14.1f}", flush=True)


if __name__ == "__main__":
    main()

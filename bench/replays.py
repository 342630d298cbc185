"""How often the same token gives the same execution: the same steps, findings and failure.

    python bench/replays.py [--times 200] [--backend thread|gevent|asyncio] [--program NAME]

For each backend and each program one search finds a fault; then its token is replayed in that many
whole pytest runs, all in one process. Two executions are the same when pytest's outcome, the steps
that the new token holds, every finding with all its lines, and the kinds and strands of all events
of the trace are the same. Under gevent the process is patched early.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

MODEL = """
import threading
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, scoped_session, sessionmaker


class Base(DeclarativeBase):
    pass


class Stock(Base):
    __tablename__ = "stock"
    id: Mapped[int] = mapped_column(primary_key=True)
    left: Mapped[int]


def filled(path):
    engine = create_engine(f"sqlite:///{path}/stock.db")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Stock(id=1, left=10))
        session.commit()
    return engine
"""
LOST_UPDATE = """
def test_lost_update(concurrently, tmp_path):
    engine = filled(tmp_path)

    def buy():
        with Session(engine) as session:
            stock = session.get(Stock, 1)
            stock.left -= 1
            session.commit()

    concurrently(buy, workers=2)
    with Session(engine) as session:
        assert session.get(Stock, 1).left == 8
"""
SHARED_SESSION = """
def test_shared_session(concurrently, tmp_path):
    session = Session(filled(tmp_path))

    def buy():
        session.get(Stock, 1).left -= 1
        session.commit()

    concurrently(buy, workers=3)
    session.close()
"""
REMOVED_BY_ANOTHER = """
def test_removed_by_another(concurrently, tmp_path):
    registry = scoped_session(sessionmaker(filled(tmp_path)), scopefunc=lambda: 1)

    def buy():
        stock = registry.get(Stock, 1)
        stock.left -= 1
        registry.commit()
        stock.left
        registry.remove()

    concurrently(buy, workers=2)
"""
ASYNC_MODEL = """
import asyncio
from sqlalchemy.ext.asyncio import (
    AsyncSession, async_scoped_session, async_sessionmaker, create_async_engine
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Stock(Base):
    __tablename__ = "stock"
    id: Mapped[int] = mapped_column(primary_key=True)
    left: Mapped[int]


async def filled(path):
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}/stock.db")
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with AsyncSession(engine) as session:
        session.add(Stock(id=1, left=10))
        await session.commit()
    return engine
"""
ASYNC_LOST_UPDATE = """
async def test_lost_update(concurrently, tmp_path):
    engine = await filled(tmp_path)

    async def buy():
        async with AsyncSession(engine) as session:
            stock = await session.get(Stock, 1)
            stock.left -= 1
            await session.commit()

    await concurrently(buy, workers=2)
    async with AsyncSession(engine) as session:
        assert (await session.get(Stock, 1)).left == 8
    await engine.dispose()
"""
ASYNC_GATHERED = """
async def test_gathered(concurrently, tmp_path):
    engine = await filled(tmp_path)

    async def buy():
        async with AsyncSession(engine) as session:
            (await session.get(Stock, 1)).left -= 1
            await session.commit()

    async def both():
        await asyncio.gather(buy(), buy())

    await concurrently(both, workers=2)
    async with AsyncSession(engine) as session:
        assert (await session.get(Stock, 1)).left == 6
    await engine.dispose()
"""
ASYNC_REMOVED_BY_ANOTHER = """
async def test_removed_by_another(concurrently, tmp_path):
    engine = await filled(tmp_path)
    registry = async_scoped_session(async_sessionmaker(engine), scopefunc=lambda: 1)

    async def buy():
        stock = await registry.get(Stock, 1)
        stock.left -= 1
        await registry.commit()
        await registry.refresh(stock)
        await registry.remove()

    await concurrently(buy, workers=2)
    await engine.dispose()
"""
_THREADED = {
    "lost update": MODEL + LOST_UPDATE,
    "shared session": MODEL + SHARED_SESSION,
    "removed by another": MODEL + REMOVED_BY_ANOTHER,
}
_ASYNC = {
    "lost update": ASYNC_MODEL + ASYNC_LOST_UPDATE,
    "gathered": ASYNC_MODEL + ASYNC_GATHERED,
    "removed by another": ASYNC_MODEL + ASYNC_REMOVED_BY_ANOTHER,
}
PROGRAMS = {"thread": _THREADED, "gevent": _THREADED, "asyncio": _ASYNC}
_AUTO = ("asyncio_mode=auto", "asyncio_default_fixture_loop_scope=function")
_OPTIONS = {
    "thread": ["-p", "no:asyncio"],
    "gevent": ["-p", "no:asyncio", "--sessionguard-gevent=early"],
    "asyncio": [word for option in _AUTO for word in ("-o", option)],
}
_TOKEN = re.compile(r"--sessionguard-replay=(\S+)")


class Seen:
    """Notes what one run shows."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.shown: list[Any] = []
        self.config: Any = None

    def pytest_configure(self, config: pytest.Config) -> None:
        self.config = config

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_teardown(self) -> None:
        explorer = self.config.pluginmanager.get_plugin("sessionguard-explorer")
        events = explorer.run.guard.recorder.trace.events
        order: dict[Any, int] = {}  # numbers are given to callbacks of the loop too, in passing
        self.trace = [
            (type(event).__name__, order.setdefault(getattr(event, "strand", None), len(order)))
            for event in events
        ]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        findings = getattr(report, "sessionguard_findings", [])
        told = [text for name, text in report.sections if name == "sessionguard"]
        self.tokens += [token for text in told for token in _TOKEN.findall(text)]
        self.tokens += [finding["replay"] for finding in findings if finding["replay"]]
        self.shown.append((report.when, report.outcome, findings))

    def all(self) -> tuple[str, str]:
        """(what was shown, the trace of the last execution)."""
        return repr((sorted(set(self.tokens)), self.shown)), repr(self.trace)


def run(path: Path, *arguments: str) -> Seen:
    """One whole pytest run in this process."""
    seen = Seen()
    base = f"--basetemp={path.parent / 'tmp'}"
    command = [
        str(path), "-p", "sessionguard", "-p", "no:cacheprovider", "-q", base,
        f"--rootdir={path.parent}", *arguments,
    ]  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        pytest.main(command, plugins=[seen])
    gc.collect()  # else the apps of earlier runs pile up, and each run looks through them
    return seen


def measure(backend: str, times: int, programs: list[str]) -> None:
    """Search each program once, then replay what was found."""
    options = _OPTIONS[backend]
    for name in programs or PROGRAMS[backend]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"test_{name.replace(' ', '_')}.py"
            path.write_text(PROGRAMS[backend][name])
            found = run(path, *options)
            token = found.tokens[0]
            began = time.perf_counter()
            replays = [run(path, *options, f"--sessionguard-replay={token}") for _ in range(times)]
            seconds = (time.perf_counter() - began) / times
            shown, traces = zip(*(replay.all() for replay in replays), strict=True)
            equal = sum(set(replay.tokens) == {token} for replay in replays)
            print(
                f"{backend:7} {name:20} {equal} of {times} took the token's steps, "
                f"{Counter(shown).most_common(1)[0][1]} showed the same, "
                f"{Counter(traces).most_common(1)[0][1]} had the same trace "
                f"({seconds * 1000:.0f} ms each)"
            )


def main() -> None:
    """A process for each backend: gevent's patches cannot be taken back."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--backend", action="append", choices=tuple(PROGRAMS))
    parser.add_argument("--program", action="append", choices=sorted({*_THREADED, *_ASYNC}))
    chosen = parser.parse_args()
    programs = chosen.program or []
    backends = chosen.backend or list(PROGRAMS)
    if len(backends) == 1:
        measure(backends[0], chosen.times, programs)
        return
    for backend in backends:
        command = [sys.executable, __file__, "--times", str(chosen.times), "--backend", backend]
        command += [word for name in programs for word in ("--program", name)]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})


if __name__ == "__main__":
    main()

"""Many random schedules of many programs: nothing may hang, leak, or grow.

    python bench/soak.py [--each 40] [--only NAME] [--timeout 300]

Every test of the example apps, and the programs of tests/integration, run in two workers with the
strategy ``random``, each suite in a process of its own and on each backend that fits. All rules are
off, so that what is found ends no search. Before the first execution and after the last, and ten times
between, the process is looked at from within: threads, greenlets, tasks, open files, resident memory.

A line for each suite: executions, seconds, what was there at the end and not at the beginning, and
how much the memory grew over the last half. Exit status 1 if a run hung, left something, or ended
by an error of the guard's own.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
LOOKS = 10
SETTLED = {"greenlets": 2, "files": 2}
"""The hub and the main greenlet, which the collector does not show while a search is on, and what
the hub and the last execution's engine hold: it does not grow with the executions."""

ALLOWED_GROWTH = 4096
"""KiB over the last half of the executions: what a resident set wavers by."""

ASYNC = """
import asyncio

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine


@pytest.mark.asyncio
async def test_async(concurrently, tmp_path):
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/x.db")
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE IF NOT EXISTS t (n INTEGER)"))

    async def work():
        async with AsyncSession(engine) as session:
            await session.execute(text("INSERT INTO t VALUES (1)"))
            await session.commit()
            await session.execute(text("SELECT n FROM t"))

    await concurrently(work, workers=2)
    await engine.dispose()
"""


# -- the plugin of an inner run ------------------------------------------------------------------


class Look(NamedTuple):
    """What is there in this process; memory in KiB."""

    executions: int
    threads: int
    greenlets: int
    tasks: int
    files: int
    memory: int


def look(executions: int) -> Look:
    gc.collect()
    gc.collect()  # what a finalizer lets go of
    greenlet = sys.modules.get("greenlet")
    living = gc.get_objects() if greenlet is not None else []
    greenlets = sum(
        1 for each in living if issubclass(type(each), greenlet.greenlet) and bool(each)
    )
    tasks = sum(1 for each in gc.get_objects() if type(each) is asyncio.Task and not each.done())
    status = Path("/proc/self/status").read_text()
    memory = int(status.split("VmRSS:")[1].split()[0])
    threads = count("task")
    return Look(executions, threads, greenlets, tasks, count("fd"), memory)


def count(what: str) -> int:
    return sum(1 for _ in Path(f"/proc/self/{what}").iterdir())


class Watch:
    """Marks each test, counts executions, and looks at the process ten times and at both ends."""

    def __init__(self, each: int) -> None:
        self.each = each
        self.looks: list[Look] = []
        self.executions = 0

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        marker = pytest.mark.concurrent_sessions
        for item in items:
            if "concurrently" not in getattr(item, "fixturenames", ()):
                backend = os.environ["SOAK_BACKEND"]
                item.add_marker(marker(workers=2, backend=backend), append=False)

    def pytest_runtest_setup(self) -> None:
        if self.executions % max(self.each // LOOKS, 1) == 0:
            self.looks.append(look(self.executions))
        self.executions += 1

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(
        self,
    ) -> None:  # the searches are over, and what they froze is seen again
        self.looks.append(look(self.executions))
        Path(os.environ["SOAK_RESULT"]).write_text(json.dumps(self.looks))


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Watch(int(os.environ["SOAK_EACH"])))


# -- the suites ----------------------------------------------------------------------------------


class Suite(NamedTuple):
    """A folder with tests, or a program; ``backend`` as the marker has it."""

    name: str
    backend: str
    folder: Path | None = None
    program: str = ""
    options: tuple[str, ...] = ()


def suites() -> Iterator[Suite]:
    for tests in sorted((ROOT / "examples").glob("*/*/tests")):
        app = tests.parent
        name = f"{app.parent.name}/{app.name}"
        if app.parent.name == "late_patch":  # these patch by themselves, or never
            backend = "thread" if app.name == "threads" else "gevent"
            yield Suite(name, backend, app)
            continue
        yield Suite(name, "thread", app)
        yield Suite(name, "gevent", app, options=("--sessionguard-gevent=early",))
    correct, waits = programs("test_correct_in_every_order"), programs("test_waits")
    for name, body in correct["PROGRAMS"].items():
        yield Suite(f"correct: {name}", "thread", program=correct["MODEL"] + body)
    for kind, first in (("THREADS", ""), ("GREENLETS", waits["PATCHED"])):
        for name, body in waits[kind].items():
            text = waits["MODEL"].replace("{first}", first).replace("{body}", body)
            yield Suite(f"waits: {name}", "auto", program=text)
    yield Suite("async", "asyncio", program=ASYNC)


def programs(name: str) -> dict[str, Any]:
    path = ROOT / "tests" / "integration" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return vars(module)


def run(suite: Suite, each: int, timeout: float, place: Path) -> tuple[list[Look], str, float]:
    """Run one suite in a process of its own; looks, what went wrong, and seconds."""
    folder, result = place / "suite", place / "looks.json"
    if suite.folder is not None:
        shutil.copytree(suite.folder, folder)
    else:
        folder.mkdir()
        (folder / "pytest.ini").write_text("[pytest]\n")
        (folder / "test_program.py").write_text(suite.program)
    command = [
        sys.executable, "-m", "pytest", "-q", "-p", "soak", "-p", "sessionguard", "-p",
        "no:cacheprovider", "-W", "ignore", "--sessionguard-strategy=random", "--tb=short",
        f"--sessionguard-schedules={each}", *(f"--sessionguard-ignore=SG{n}" for n in "123469"),
        *suite.options,
    ]  # fmt: skip
    environment = {
        **os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "bench"), str(ROOT), str(folder)]),
        "SOAK_EACH": str(each), "SOAK_BACKEND": suite.backend, "SOAK_RESULT": str(result),
        "PYTEST_DEBUG_TEMPROOT": str(place),  # pytest would clear up what other runs left
    }  # fmt: skip
    began = time.perf_counter()
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=timeout
        )
    except subprocess.TimeoutExpired:
        return [], f"hangs: {timeout:g} s", timeout
    seconds = time.perf_counter() - began
    looks = [Look(*each) for each in json.loads(result.read_text())] if result.exists() else []
    return looks, trouble(looks, done.stdout + done.stderr), seconds


def trouble(looks: list[Look], text: str) -> str:
    """What went wrong, in words; empty if nothing did.

    A test may end its search by an assertion that two workers at once break.
    """
    said = ("do not come to an end", "INTERNALERROR", "by an error of its own")
    found = [each for each in said if each in text]
    if not looks or not looks[-1].executions:
        return "; ".join([*found, "no executions"]) + "\n" + text[-1500:]
    if len(looks) > 2:
        found += left(looks)
    return "; ".join(found)


def left(looks: list[Look]) -> list[str]:
    """What was there at the end and not at the beginning.

    The first executions make what stays for good: pools' connections, a loop, imports.
    """
    found, first, last = [], looks[1], looks[-1]
    for name in ("threads", "greenlets", "tasks", "files"):
        before, after = getattr(first, name), getattr(last, name)
        if after > before + SETTLED.get(name, 0):
            found.append(f"{name}: {before} -> {after}")
    if growth(looks) > ALLOWED_GROWTH:
        found.append(f"memory: +{growth(looks)} KiB")
    return found


def growth(looks: list[Look]) -> int:
    return looks[-1].memory - looks[len(looks) // 2].memory if looks else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--each", type=int, default=40, help="schedules of each test")
    parser.add_argument("--timeout", type=float, default=300, help="seconds for one suite")
    parser.add_argument("--only", default="", help="suites whose name contains this")
    chosen = parser.parse_args()
    total, bad = 0, 0
    print(f"{'suite':38} {'backend':8} {'executions':>10} {'s':>6} {'KiB':>6}  trouble")
    for suite in suites():
        if chosen.only not in suite.name:
            continue
        with tempfile.TemporaryDirectory() as place:
            looks, wrong, seconds = run(suite, chosen.each, chosen.timeout, Path(place))
        executions = looks[-1].executions if looks else 0
        total, bad = total + executions, bad + bool(wrong)
        print(
            f"{suite.name:38} {suite.backend:8} {executions:10} {seconds:6.1f} "
            f"{growth(looks):6}  {wrong}",
            flush=True,
        )
    print(f"{total} executions, {bad} suites with trouble, {threading.active_count()} thread here")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

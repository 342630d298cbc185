"""When the guard is active, and that it leaves nothing behind."""

from __future__ import annotations

import json

import pytest

HEADER = "sessionguard: watching"

# A plugin that writes down which attributes of other modules are the guard's: at its own import,
# before the tests and after the run.
PROBE = """
import json
import pathlib
import sys

import pytest

STANDARD = (
    "threading", "queue", "asyncio", "asyncio.events", "asyncio.tasks", "asyncio.locks",
    "asyncio.queues", "asyncio.base_events", "concurrent.futures", "concurrent.futures._base",
    "concurrent.futures.thread", "os", "subprocess", "multiprocessing.process",
)


def is_guards(value):
    function = getattr(value, "__func__", value)
    code = getattr(function, "__code__", None)
    if code is not None and "pytest_sessionguard" in getattr(code, "co_filename", ""):
        return True
    if type(value).__module__.startswith("pytest_sessionguard"):
        return True
    return isinstance(value, type) and any(
        is_guards(each) for each in vars(value).values() if not isinstance(each, type)
    )


def of_guard():
    found = set()
    for name, module in list(sys.modules.items()):
        if module is None or name.startswith(("pytest_sessionguard", "_pytest", "probe", "test_")):
            continue
        for key, value in list(getattr(module, "__dict__", {}).items()):
            if isinstance(value, type) and "pytest_sessionguard" not in str(value.__module__):
                found.update(f"{name}.{key}.{n}" for n, v in vars(value).items() if is_guards(v))
            elif is_guards(value):
                found.add(f"{name}.{key}")
    found.update(type(f).__name__ for f in sys.meta_path if is_guards(f))
    return sorted(found)


def standard():
    found = {}
    for name in STANDARD:
        module = sys.modules.get(name)
        for key, value in vars(module).items() if module else ():
            found[f"{name}.{key}"] = value
            if isinstance(value, type):
                found.update({f"{name}.{key}.{n}": v for n, v in vars(value).items()})
    return found


import asyncio, concurrent.futures.thread, multiprocessing, queue, subprocess, threading

BEFORE = standard()
META_PATH = list(sys.meta_path)
seen = {"loaded": sorted(m for m in sys.modules if m.startswith("pytest_sessionguard."))}


def changed():
    now = standard()
    passing = (
        "excepthook", "_shutdown", "_dangling", "_active", "_counter", "_limbo", "_children",
        "_cleanup", "_event_loop_policy",
    )
    return sorted(
        key for key, value in BEFORE.items()
        if now.get(key) is not value and not any(part in key for part in passing)
    )


@pytest.hookimpl(trylast=True)
def pytest_sessionstart():
    seen["at_start"] = of_guard()
    seen["changed_at_start"] = changed()
    seen["modules_at_start"] = sorted(sys.modules)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure():
    seen["at_end"] = of_guard()
    seen["changed_at_end"] = changed()
    seen["finders"] = [f for f in map(repr, sys.meta_path) if "sessionguard" in f]
    greenlet = sys.modules.get("greenlet")
    seen["tracing"] = repr(greenlet.gettrace()) if greenlet else "None"
    gevent = sys.modules.get("gevent")
    seen["loop"] = gevent.config.loop.__module__ if gevent else ""
    pathlib.Path("probe.json").write_text(json.dumps(seen))
"""
TEST_EVERYTHING = """
import asyncio
import queue
import threading

import gevent
import gevent.lock
from sqlalchemy.ext.asyncio import AsyncSession

import shop


def test_price():
    assert shop.price_of_new_item(3) == 3
    gevent.spawn(shop.price_of_new_item, 4).join()


def test_async():
    async def main():
        return await asyncio.gather(asyncio.sleep(0, 1), asyncio.sleep(0, 2))

    assert asyncio.run(main()) == [1, 2]
"""


@pytest.fixture
def probed(suite):
    suite.write(probe=PROBE)

    def run(*arguments):
        ran = suite.run("-p", "probe", *arguments)
        return ran, json.loads((suite.path / "probe.json").read_text())

    return run


def test_installed_and_unused_changes_nothing(suite, probed):
    suite.write(test_nothing="def test_nothing():\n    pass\n")

    ran, seen = probed()

    ran.outcomes(passed=1)
    assert "sessionguard:" not in ran.text
    assert seen["at_start"] == seen["at_end"] == []
    assert seen["changed_at_start"] == seen["changed_at_end"] == []
    loaded = set(seen["modules_at_start"])
    assert not {"sqlalchemy", "gevent", "greenlet", "flask", "anyio"} & loaded
    assert "pytest_sessionguard.observe" not in loaded
    assert "pytest_sessionguard.run" not in loaded


def test_an_unused_guard_lets_the_broken_app_pass(broken):
    ran = broken.run()

    ran.outcomes(passed=1)
    assert "SG201" not in ran.text
    assert ran.status == 0


def test_everything_is_put_back(suite, probed):
    suite.shop(tests=TEST_EVERYTHING.replace("== 3", "in (3, None)"))

    ran, seen = probed("-p", "sessionguard")

    assert "SG201" in ran.text, ran.text + ran.errors
    assert "threading.Lock" in seen["at_start"]
    assert seen["changed_at_start"] != []
    assert seen["at_end"] == []
    assert seen["changed_at_end"] == []
    assert seen["finders"] == []
    assert seen["tracing"] == "None"
    assert "sessionguard" not in seen["loop"]


@pytest.mark.parametrize(
    ("ini", "environment", "arguments"),
    [
        pytest.param((), {}, ("-p", "sessionguard"), id="command line"),
        pytest.param(("addopts = -p sessionguard",), {}, (), id="addopts"),
        pytest.param((), {"PYTEST_ADDOPTS": "-p sessionguard"}, (), id="PYTEST_ADDOPTS"),
        pytest.param(("sessionguard = true",), {}, (), id="ini"),
        pytest.param((), {}, ("--sessionguard",), id="option"),
        pytest.param((), {"SESSIONGUARD": "1"}, (), id="environment"),
    ],
)
def test_switched_on(suite, monkeypatch, ini, environment, arguments):
    """However it is switched on: the hooks are there before a conftest imports the app."""
    suite.web(conftest="import web\n")
    suite.ini(*ini)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    ran = suite.run(*arguments)

    ran.outcomes(passed=1, failed=1)
    assert HEADER in ran.text
    assert "not seen" not in ran.text
    line = suite.line_of("web", "session = Session(engine)")
    assert f"mend here: web.py:{line} in <module>" in ran.text


def test_ini_false_and_environment_false(broken, monkeypatch):
    broken.ini("sessionguard = true")
    monkeypatch.setenv("SESSIONGUARD", "0")

    ran = broken.run()

    ran.outcomes(passed=1)
    assert HEADER not in ran.text


def test_no_sessionguard_switches_all_off(broken, monkeypatch):
    broken.ini("sessionguard = true", "addopts = -p sessionguard")
    monkeypatch.setenv("SESSIONGUARD", "1")
    broken.write(
        test_shop="import pytest, shop\n\n@pytest.mark.sessionguard\ndef test_price():\n"
        "    assert shop.price_of_new_item(3) is None\n"
    )

    ran = broken.run("-p", "no:sessionguard")

    ran.outcomes(passed=1)
    assert "sessionguard:" not in ran.text
    assert "SG201" not in ran.text
    assert ran.status == 0


MARKED = """
import pytest
import shop
{module}

def test_before():
    assert shop.price_of_new_item(1) is None

{on_class}
class TestPrices:
    {on_test}
    def test_marked(self):
        assert shop.price_of_new_item(2) is None

def test_after():
    assert shop.price_of_new_item(3) is None
"""
MARK = "pytest.mark.sessionguard"


@pytest.mark.parametrize(
    ("places", "failing"),
    [
        ({"on_test": f"@{MARK}"}, ["test_marked"]),
        ({"on_class": f"@{MARK}(select=['SG2'])"}, ["test_marked"]),
        ({"module": f"pytestmark = {MARK}"}, ["test_before", "test_marked", "test_after"]),
    ],
    ids=["test", "class", "module"],
)
def test_a_marker_guards_in_any_case(suite, places, failing):
    suite.shop(
        tests=MARKED.format(**{"module": "", "on_class": "", "on_test": "", **places}),
    )

    ran = suite.run()

    failed = [line for line in ran.text.splitlines() if line.startswith("FAILED")]
    assert [line.split(" - ")[0].rpartition("::")[2] for line in failed] == failing
    assert ran.status == 1
    assert "sqlalchemy.orm was imported before the guard" in ran.text
    assert "run with `-p sessionguard`" in ran.text


def test_sqlalchemy_imported_before_the_guard_is_said_in_the_header(broken):
    broken.write(early_bird="import sqlalchemy.orm\n")

    ran = broken.run("-p", "early_bird", "-p", "sessionguard")

    header = ran.text.split("collected")[0]
    assert HEADER in header
    assert "sqlalchemy.orm was imported before the guard" in header
    assert "SG201" in ran.text  # what is made from now on is seen all the same


def test_hooks_are_in_place_before_the_conftest(suite):
    suite.write(
        conftest="import threading\nKIND = type(threading.Lock).__module__\n",
        test_kind="from conftest import KIND\n\n"
        "def test_kind():\n    assert KIND.startswith('pytest_sessionguard')\n",
    )

    suite.guard().outcomes(passed=1)
    suite.run().outcomes(failed=1)


WATCHED_ONLY = """
import sys

def test_loaded():
    assert "pytest_sessionguard.guard" in sys.modules
    assert "pytest_sessionguard.explore" not in sys.modules
"""


def test_a_run_without_searches_imports_no_search(suite):
    suite.write(test_it=WATCHED_ONLY)
    suite.guard().outcomes(passed=1)

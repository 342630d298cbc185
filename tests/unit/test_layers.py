"""One direction of data: observe -> trace -> rules -> findings -> reports."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import pytest_sessionguard

ROOT = Path(pytest_sessionguard.__file__).resolve().parent
OWN = "pytest_sessionguard"
HEAVY = ("sqlalchemy", "gevent", "greenlet", "asyncio", "anyio", "flask", "starlette", "fastapi")


def sources(room: str) -> list[Path]:
    return sorted((ROOT / room).glob("*.py"))


def imported(path: Path, everywhere: bool = True) -> set[str]:
    """Every module a file names in an import, at module level only unless ``everywhere``."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {name for node in _nodes(tree, everywhere) for name in _names(node)}


def _nodes(tree: ast.AST, everywhere: bool) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if not everywhere and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        yield node
        yield from _nodes(node, everywhere)


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute"
        for alias in node.names:
            yield f"{node.module}.{alias.name}"


def offenders(names: set[str], forbidden: tuple[str, ...]) -> set[str]:
    return {n for n in names if any(n == f or n.startswith(f"{f}.") for f in forbidden)}


@pytest.mark.parametrize("path", sources("rules"), ids=lambda path: path.name)
def test_rules_see_traces_only(path):
    forbidden = (f"{OWN}.observe", f"{OWN}.reports", f"{OWN}.guard", f"{OWN}.settings", "pytest")
    assert offenders(imported(path), (*forbidden, *HEAVY)) == set()


@pytest.mark.parametrize("path", sources("reports"), ids=lambda path: path.name)
def test_reports_see_findings_only(path):
    forbidden = (f"{OWN}.rules", f"{OWN}.observe", f"{OWN}.guard")
    assert offenders(imported(path), (*forbidden, *HEAVY)) == set()


@pytest.mark.parametrize("path", sources("observe"), ids=lambda path: path.name)
def test_observation_never_judges(path):
    forbidden = (f"{OWN}.rules", f"{OWN}.reports", f"{OWN}.findings", f"{OWN}.guard", "pytest")
    assert offenders(imported(path), forbidden) == set()


@pytest.mark.parametrize("path", sources("observe"), ids=lambda path: path.name)
def test_observation_imports_nobody_before_the_code_under_test_does(path):
    foreign = tuple(name for name in HEAVY if name != "asyncio")
    assert offenders(imported(path, everywhere=False), foreign) == set()


DATA = [*sources("events"), *(ROOT / name for name in ("clocks.py", "trace.py", "findings.py"))]


@pytest.mark.parametrize("path", DATA, ids=lambda path: path.name)
def test_the_data_knows_neither_who_makes_it_nor_who_reads_it(path):
    allowed = {f"{OWN}.{module}" for module in ("events", "clocks", "trace")}
    own = {n for n in imported(path) if n.startswith(OWN)}
    assert {n for n in own if not offenders({n}, tuple(allowed)) and n != f"{OWN}.events"} == set()
    assert offenders(imported(path), ("pytest", *HEAVY)) == set()


def test_the_rim_imports_nothing_heavy():
    names = imported(ROOT / "plugin.py", everywhere=False)
    rooms = tuple(f"{OWN}.{room}" for room in ("observe", "rules", "reports", "guard", "run"))
    assert offenders(names, (*rooms, *HEAVY)) == set()


def test_loading_the_plugin_loads_nothing_heavy():
    """pytest itself is loaded first: what it imports is not ours."""
    program = (
        "import sys, pytest; before = set(sys.modules)\n"
        "import pytest_sessionguard.plugin\n"
        "print('\\n'.join(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert f"{OWN}.plugin" in loaded
    assert offenders(loaded, HEAVY) == set()
    assert offenders(loaded, tuple(f"{OWN}.{room}" for room in ("observe", "rules"))) == set()

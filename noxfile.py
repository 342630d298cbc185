"""The versions to test with: ``nox -s corners`` (in CI), ``nox`` (all that this machine has)."""

from __future__ import annotations

import os
import re
import tarfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import nox

HERE = Path(__file__).resolve().parent
PYTHONS = ("3.11", "3.12", "3.13")
SQLALCHEMY = ("2.0.*", "2.1.*")
PYTEST = ("8.0.*", "9.2.*")
# The newest pytest-asyncio that takes pytest 8.0. It does not know one of our settings.
OLD_ASYNCIO = "pytest-asyncio==0.23.8"
UNKNOWN_SETTING = "asyncio_default_fixture_loop_scope"

nox.options.default_venv_backend = "virtualenv"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["tests"]


def _offer_pyenv() -> None:
    """Let nox's discovery see pyenv's interpreters, not only the one that pyenv has switched on."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    there = [path.name for path in (root / "versions").glob("3.*")]
    wanted = [name for name in sorted(there) if name.rpartition(".")[0] in PYTHONS]
    if wanted:
        os.environ["PYENV_ROOT"] = str(root)
        os.environ.setdefault("PYENV_VERSION", ":".join(wanted))


_offer_pyenv()


def _is_found(python: str) -> bool:
    try:
        from python_discovery import get_interpreter  # what nox uses
    except ImportError:
        from virtualenv.discovery.builtin import get_interpreter as old_get_interpreter

        return old_get_interpreter(python, []) is not None
    return get_interpreter(python) is not None


def _params(name: str, versions: tuple[str, ...]) -> list[object]:
    return [nox.param(version, id=_id(name, version)) for version in versions]


def _id(name: str, version: str) -> str:
    return f"{name}-{version.removesuffix('.*')}"


@nox.session(python=PYTHONS)
@nox.parametrize("pytest", _params("pytest", PYTEST))
@nox.parametrize("sqlalchemy", _params("sqlalchemy", SQLALCHEMY))
def tests(session: nox.Session, sqlalchemy: str, pytest: str) -> None:
    """The whole suite with one Python, one SQLAlchemy and one pytest."""
    is_old = pytest.startswith("8.")
    pins = [f"sqlalchemy=={sqlalchemy}", f"pytest=={pytest}", *([OLD_ASYNCIO] if is_old else [])]
    session.install("-e", ".[test]", *pins)
    config = _config_for_old_asyncio(session) if is_old else []
    session.run(
        "python", "-m", "pytest", "-n", "2", "-p", "no:cacheprovider", *config, *session.posargs
    )


def _config_for_old_asyncio(session: nox.Session) -> list[str]:
    """pytest's options for a copy of our configuration without the setting it does not know."""
    text = (HERE / "pyproject.toml").read_text(encoding="utf-8")
    copy = Path(session.create_tmp()).resolve() / "pyproject.toml"
    copy.write_text(re.sub(rf"(?m)^{UNKNOWN_SETTING}.*\n", "", text), encoding="utf-8")
    return ["-c", str(copy), f"--rootdir={HERE}", "-o", f"pythonpath={HERE / 'tests'}"]


@nox.session(venv_backend="none")
def corners(session: nox.Session) -> None:
    """The oldest versions together, and the newest; CI runs these."""
    found = [python for python in PYTHONS if _is_found(python)]
    if not found:
        session.error(f"no Python found, looked for {', '.join(PYTHONS)}")
    session.log(f"found Python {', '.join(found)}")
    for python, which in ((found[0], 0), (found[-1], -1)):
        ids = f"{_id('sqlalchemy', SQLALCHEMY[which])}, {_id('pytest', PYTEST[which])}"
        session.notify(f"tests-{python}({ids})")


@nox.session
def check(session: nox.Session) -> None:
    """Lint, format and types."""
    session.install("-e", ".[test,check]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy", "--strict", "-p", "pytest_sessionguard")


@nox.session
def sqlalchemy_suite(session: nox.Session) -> None:
    """SQLAlchemy's own test/orm must end the same with and without the guard (not in CI)."""
    session.install("-e", ".[test]", "sqlalchemy==2.1.*")
    folder = Path(session.create_tmp()).resolve()
    suite = _sqlalchemy_source(session, folder)
    outcomes = {}
    for plugin in ("no:sessionguard", "sessionguard"):
        report = folder / f"{plugin.replace(':', '-')}.xml"
        with session.chdir(suite):
            session.run(
                "python", "-m", "pytest", "test/orm", "-p", plugin, "-p", "no:cacheprovider", "-q",
                "--maxfail=1000000", f"--junitxml={report}", *session.posargs,
                success_codes=[0, 1],
            )  # fmt: skip
        outcomes[plugin] = _outcomes(report)
    without, guarded = outcomes.values()
    different = [
        f"{test}: {without.get(test)} without the guard, {guarded.get(test)} with it"
        for test in sorted(without.keys() | guarded.keys())
        if without.get(test) != guarded.get(test)
    ]
    for line in different:
        session.warn(line)
    if different or not without:
        session.error(f"{len(different)} of {len(without)} tests ended differently")
    session.log(f"{len(without)} tests ended the same with and without the guard")


def _sqlalchemy_source(session: nox.Session, folder: Path) -> Path:
    """Download and unpack the source distribution; its folder."""
    pip = ("python", "-m", "pip", "download", "--quiet", "--no-deps")
    session.run(*pip, "--no-binary", "sqlalchemy", "--dest", str(folder), "sqlalchemy==2.1.*")
    archives = sorted(folder.glob("*.tar.gz"), key=lambda path: path.stat().st_mtime)
    archive = archives[-1]
    with tarfile.open(archive) as source:
        source.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


def _outcomes(report: Path) -> dict[str, str]:
    found = {}
    for case in ElementTree.parse(report).iter("testcase"):
        tags = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
        found[f"{case.get('classname')}.{case.get('name')}"] = tags[0] if tags else "passed"
    return found

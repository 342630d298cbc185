"""Runs suites of their own, each in a process of its own: hooks are placed in the process.

The plugins that an inner run does not need are left out; that halves its time.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

OTHER_PLUGINS = ("anyio", "asyncio", "faker", "pytest_cov", "xdist", "xdist.looponfail")
ENVIRONMENT = (
    "SESSIONGUARD",
    "SESSIONGUARD_SELECT",
    "SESSIONGUARD_IGNORE",
    "SESSIONGUARD_ALLOW",
    "SESSIONGUARD_SOURCE",
    "SESSIONGUARD_REPORT",
    "PYTEST_ADDOPTS",
    "PYTEST_PLUGINS",
)

MODELS = """
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.orm.exc import DetachedInstanceError
from sqlalchemy.pool import StaticPool

engine = create_engine("sqlite://", poolclass=StaticPool)


class Base(DeclarativeBase):
    pass


class Item(Base):
    __tablename__ = "item"
    id: Mapped[int] = mapped_column(primary_key=True)
    price: Mapped[int]


Base.metadata.create_all(engine)
"""

# SG201: the instance is read after its Session was closed, and the app swallows the error.
BROKEN = (
    MODELS
    + """

def price_of_new_item(price):
    session = Session(engine)
    item = Item(price=price)
    session.add(item)
    session.commit()
    session.close()
    try:
        return item.price
    except DetachedInstanceError:
        return None
"""
)
MENDED = (
    MODELS
    + """

def price_of_new_item(price):
    session = Session(engine)
    item = Item(price=price)
    session.add(item)
    session.commit()
    try:
        return item.price
    finally:
        session.close()
"""
)
TEST_SHOP = """
import shop


def test_price():
    assert shop.price_of_new_item(3) in (3, None)
"""

# SG101: a Session made at import serves two requests, in two tests.
WEB = """
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

engine = create_engine("sqlite://", poolclass=StaticPool)
{holder}


def app(environ, start_response):
    with_session = {expression}
    with_session.execute(text("SELECT 1"))
    with_session.commit()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ok"]
"""
TEST_WEB = """
from web import app
from werkzeug.test import Client


def test_first():
    assert Client(app).get("/first").text == "ok"


def test_second():
    assert Client(app).get("/second").text == "ok"
"""


@dataclass
class Ran:
    """What an inner run left: pytester's result, and the JSON report if one was asked for."""

    result: pytest.RunResult
    report: dict[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return self.result.stdout.str()

    @property
    def errors(self) -> str:
        return self.result.stderr.str()

    @property
    def status(self) -> int:
        return int(self.result.ret)

    @property
    def codes(self) -> list[str]:
        return [finding["code"] for finding in self.report["findings"]]

    def outcomes(self, **expected: int) -> None:
        found = self.result.parseoutcomes()
        found.pop("warning", None)
        found.pop("warnings", None)
        assert found == expected, self.text + self.errors


class Suite:
    """A small suite in a folder of its own."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.path = pytester.path
        self.ini()

    def ini(self, *lines: str) -> None:
        """Write pytest.ini."""
        self.pytester.makefile(".ini", pytest="\n".join(("[pytest]", *lines)))

    def write(self, **files: str) -> None:
        """Write ``name.py`` for each keyword."""
        for name, text in files.items():
            (self.path / f"{name}.py").write_text(text, encoding="utf-8")

    def shop(self, app: str = BROKEN, tests: str = TEST_SHOP) -> None:
        """A one-module app that reads from a detached instance, and its test; or the mended one."""
        self.write(shop=app, test_shop=tests)

    def web(
        self, holder: str = "session = Session(engine)", expression: str = "session", **files: str
    ) -> None:
        """An app with one Session for all requests, and a test for each of two requests."""
        self.write(web=WEB.format(holder=holder, expression=expression), test_web=TEST_WEB, **files)

    def run(self, *arguments: str, plugins: tuple[str, ...] = ()) -> Ran:
        """Run pytest as it is; ``plugins`` names those of the others that are needed."""
        others = [name for name in OTHER_PLUGINS if name.split(".")[0] not in plugins]
        without = [part for name in others for part in ("-p", f"no:{name}")]
        return Ran(self.pytester.runpytest_subprocess(*without, *arguments))

    def guard(self, *arguments: str, plugins: tuple[str, ...] = ()) -> Ran:
        """Run pytest with the guard and read its report."""
        target = self.path / "guard.json"
        ran = self.run(
            "-p", "sessionguard", "--sessionguard-report=json:guard.json", *arguments,
            plugins=plugins,
        )  # fmt: skip
        if target.exists() and target.stat().st_size:
            ran.report = json.loads(target.read_text(encoding="utf-8"))
        return ran

    def line_of(self, module: str, text: str) -> int:
        """The number of the one line of ``module.py`` that contains ``text``."""
        lines = (self.path / f"{module}.py").read_text(encoding="utf-8").splitlines()
        found = [number for number, line in enumerate(lines, 1) if text in line]
        assert len(found) == 1, found
        return found[0]


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHONPATH", str(pytester.path))
    return Suite(pytester)


@pytest.fixture
def broken(suite: Suite) -> Suite:
    """A suite whose test passes, although its app reads from a detached instance."""
    suite.shop()
    return suite


@pytest.fixture
def mended(suite: Suite) -> Suite:
    """The same suite with the app mended."""
    suite.shop(MENDED)
    return suite


@pytest.fixture
def web(suite: Suite) -> Suite:
    """A suite whose app serves every request with one Session."""
    suite.web()
    return suite

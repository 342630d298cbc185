"""Reads what the user asked for: options, environment and ini values, into ``Settings``.

The command line goes before the environment, and the environment before the ini file. Bad values
are pytest's usage errors, one line each.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_sessionguard import concurrency
from pytest_sessionguard.concurrency import Concurrency
from pytest_sessionguard.schedule.token import Token, decode
from pytest_sessionguard.settings import CODES, MARKER, Settings, expand

FORMATS = ("json",)


def is_wanted_by(item: pytest.Item) -> bool:
    """Whether a test asks for the guard by itself, with a marker or a fixture."""
    marked = any(item.get_closest_marker(name) for name in (MARKER, concurrency.MARKER))
    return marked or concurrency.FIXTURE in getattr(item, "fixturenames", ())


def add_options(parser: pytest.Parser) -> None:
    """Register command line options and ini values."""
    group = parser.getgroup("sessionguard", "watch SQLAlchemy sessions")
    for name, (metavar, text) in _LISTS.items():
        group.addoption(
            f"--sessionguard-{name}", action="append", default=[], metavar=metavar, help=text
        )
        parser.addini(f"sessionguard_{name}", text, type="args", default=[])
    for name, (metavar, text) in _SINGLE.items():
        group.addoption(f"--sessionguard-{name}", metavar=metavar, help=text)
        if name not in _OF_ONE_RUN:
            parser.addini(f"sessionguard_{name}", text, default=None)
    for option, ini, text in _SWITCHES:
        group.addoption(option, action="store_true", help=text)
        parser.addini(ini, f"{text} (true or false)", default="false")
    group.addoption(
        "--sessionguard-explain",
        metavar="CODE",
        help="print the page of a rule, e.g. SG301, and stop",
    )


_LISTS = {
    "select": ("CODES", "only these rules, comma separated; SG3 means all of SG3.."),
    "ignore": ("CODES", "not these rules, comma separated"),
    "allow": ("NAMES", "sessions shared on purpose: package.module.name, patterns allowed"),
    "source": ("PACKAGES", "installed packages that are under test"),
    "report": (
        "FORMAT:PATH",
        "write a report when the run ends, e.g. json:sessionguard.json",
    ),
}
_SINGLE = {
    "schedules": ("N", "the most executions of each test that is searched (default 100)"),
    "strategy": (
        "NAME",
        "which orders to try: systematic (default), reduced, bounded, pct or random",
    ),
    "seed": ("N", "the seed of random orders (default 0)"),
    "replay": ("TOKEN", "run only the test of this token, in the order that it holds"),
    "gevent": (
        "WHEN",
        "early: patch before any conftest is imported; late: after collection; off: do not",
    ),
}
_OF_ONE_RUN = {"replay"}
_SWITCHES = (
    ("--sessionguard", "sessionguard", "watch the sessions of every test"),
    (
        "--sessionguard-require-complete",
        "sessionguard_require_complete",
        "fail the run when the search of a test was cut before all its orders were tried",
    ),
)
GEVENT = ("early", "late", "off")
_TRUE, _FALSE = {"true", "1", "yes", "on"}, {"false", "0", "no", "off", ""}


def read(config: pytest.Config) -> Settings:
    """The settings of a run. Raises ``pytest.UsageError`` for a bad value."""
    try:
        return Settings(
            watch=_watch(config),
            select=_codes(config, "select") or CODES,
            ignore=_codes(config, "ignore"),
            allow=_list(config, "allow"),
            source=_list(config, "source"),
            reports=_reports(config),
            concurrency=_concurrency(config),
            require_complete=_require_complete(config),
            replay=_replay(config),
        )
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None


def is_asked_early(config: pytest.Config) -> bool:
    """Whether the run will be watched, as far as can be told before conftests are loaded.

    A bad value is not told here but by ``read``, when pytest can show it.
    """
    try:
        known = config.known_args_namespace
        lists = [getattr(known, f"sessionguard_{name}") for name in _LISTS]
        return bool(known.sessionguard or any(lists) or any(_single(config)) or _watch(config))
    except ValueError:
        return False


def read_source(config: pytest.Config) -> tuple[str, ...]:
    """The packages under test; needed before the other settings can be read."""
    return _list(config, "source")


def _watch(config: pytest.Config) -> bool:
    if config.getoption("--sessionguard", default=False) or is_named(config):
        return True
    if any(config.getoption(f"--sessionguard-{name}", default=[]) for name in _LISTS):
        return True
    if any(_single(config)):
        return True  # whoever asks for a report, or for a rule, wants tests to be watched
    return _switched(config, "sessionguard")


def _switched(config: pytest.Config, ini: str) -> bool:
    """The environment, else the ini file."""
    variable = os.environ.get(ini.upper())
    if variable is not None:
        return _boolean(f"the environment variable {ini.upper()}", variable)
    return _boolean(f"the ini value {ini}", str(config.getini(ini)))


def _single(config: pytest.Config) -> list[str | None]:
    """The values of the options that take one, as given on the command line."""
    known = config.known_args_namespace
    return [getattr(known, f"sessionguard_{name}", None) for name in _SINGLE]


def _one(config: pytest.Config, name: str) -> tuple[str | None, str]:
    """Command line, else environment, else ini; and the name by which it was given."""
    option, variable, ini = (
        f"--sessionguard-{name}", f"SESSIONGUARD_{name.upper()}", f"sessionguard_{name}",
    )  # fmt: skip
    given = getattr(config.known_args_namespace, ini, None)
    if given is not None:
        return str(given), option
    if environment := os.environ.get(variable):
        return environment, variable
    return config.getini(ini), ini


def _concurrency(config: pytest.Config) -> Concurrency:
    default = Concurrency()
    return replace(
        default,
        schedules=_number(config, "schedules", 1, default.schedules),
        seed=_number(config, "seed", 0, default.seed),
        strategy=_strategy(config, default.strategy),
    )


def _number(config: pytest.Config, name: str, least: int, default: int) -> int:
    text, origin = _one(config, name)
    if text is None:
        return default
    if not text.isdecimal() or int(text) < least:
        raise ValueError(f"{origin}: {text!r} is not a whole number from {least} on")
    return int(text)


def _strategy(config: pytest.Config, default: str) -> str:
    text, origin = _one(config, "strategy")
    if text is not None and text not in concurrency.STRATEGIES:
        known = ", ".join(concurrency.STRATEGIES)
        raise ValueError(f"{origin}: {text!r} is not one of {known}")
    return text or default


def _require_complete(config: pytest.Config) -> bool:
    if config.getoption("--sessionguard-require-complete", default=False):
        return True
    return _switched(config, "sessionguard_require_complete")


def _replay(config: pytest.Config) -> Token | None:
    text = config.getoption("--sessionguard-replay", default=None)
    if text is None:
        return None
    try:
        return decode(text)
    except ValueError as error:
        raise ValueError(f"--sessionguard-replay: {error}") from None


def gevent(config: pytest.Config) -> str:
    """When gevent is to patch: ``"early"``, ``"late"`` or ``"off"``. Raises ``pytest.UsageError``."""
    text, origin = _one(config, "gevent")
    if text is None:
        return "off"
    if text not in GEVENT:
        raise pytest.UsageError(f"{origin}: {text!r} is not one of {', '.join(GEVENT)}")
    return text


def is_named(config: pytest.Config) -> bool:
    """Whether ``-p sessionguard`` was given, on the command line or in addopts."""
    named = set(config.known_args_namespace.plugins or ())
    named.update(config.getoption("plugins", default=None) or ())
    return MARKER in named


def _boolean(name: str, value: str) -> bool:
    lowered = value.strip().lower()
    if lowered in _TRUE:
        return True
    if lowered in _FALSE:
        return False
    raise ValueError(f"{name} is {value!r}; it takes true or false")


def _list(config: pytest.Config, name: str) -> tuple[str, ...]:
    """The values of one option; commas and blanks both separate."""
    return _split(_given(config, name)[0])


def _given(config: pytest.Config, name: str) -> tuple[list[str], str]:
    """Command line, else environment, else ini; and the name by which it was given."""
    option, variable, ini = (
        f"--sessionguard-{name}", f"SESSIONGUARD_{name.upper()}", f"sessionguard_{name}",
    )  # fmt: skip
    given = config.getoption(option, default=[])
    given = given or getattr(config.known_args_namespace, ini, [])  # before options are parsed
    if given:
        return given, option
    if environment := os.environ.get(variable):
        return [environment], variable
    return config.getini(ini), ini


def _split(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(item for text in texts for item in re.split(r"[,\s]+", text) if item)


def _codes(config: pytest.Config, name: str) -> tuple[str, ...]:
    given, origin = _given(config, name)
    return expand(_split(given), origin)


def _reports(config: pytest.Config) -> tuple[tuple[str, Path], ...]:
    given, origin = _given(config, "report")
    found: list[tuple[str, Path]] = []
    for text in given:
        kind, _, name = text.partition(":")
        if kind not in FORMATS or not name:
            formats = ", ".join(FORMATS)
            raise ValueError(f"{origin}: {text!r} is not FORMAT:PATH with FORMAT one of {formats}")
        path = (config.invocation_params.dir / name).resolve()
        if path in (other for _, other in found):
            raise ValueError(f"{origin}: two reports to one path, {name}")
        found.append((kind, path))
    return tuple(found)

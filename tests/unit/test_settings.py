from __future__ import annotations

import argparse
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_sessionguard import options
from pytest_sessionguard.settings import CODES, Settings

FAMILY_3 = ("SG301", "SG302", "SG303", "SG304", "SG305")


class Parser:
    """What ``add_options`` needs of pytest's parser, on plain argparse."""

    def __init__(self) -> None:
        self.arguments = argparse.ArgumentParser()
        self.ini: dict[str, Any] = {}

    def getgroup(self, name: str, description: str = "") -> Parser:
        return self

    def addoption(self, *names: str, **options: Any) -> None:
        self.arguments.add_argument(*names, **options)

    def addini(self, name: str, help: str, type: str | None = None, default: Any = None) -> None:  # noqa: A002
        self.ini[name] = default


class Config:
    """A pytest config with these arguments and ini values."""

    def __init__(self, *arguments: str, plugins: tuple[str, ...] = (), **ini: Any) -> None:
        parser = Parser()
        options.add_options(parser)  # type: ignore[arg-type]
        unknown = ini.keys() - parser.ini.keys()
        assert not unknown, unknown
        self.known_args_namespace = parser.arguments.parse_args(arguments)
        self.known_args_namespace.plugins = list(plugins)
        self.invocation_params = SimpleNamespace(dir=Path("/project"))
        self._ini = {**parser.ini, **ini}

    def getoption(self, name: str, default: Any = None) -> Any:
        return getattr(
            self.known_args_namespace, name.removeprefix("--").replace("-", "_"), default
        )

    def getini(self, name: str) -> Any:
        return self._ini[name]


def read(*arguments: str, **others: Any) -> Settings:
    return options.read(Config(*arguments, **others))  # type: ignore[arg-type]


def complaint(*arguments: str, **others: Any) -> str:
    """The one line that tells what is wrong."""
    with pytest.raises(pytest.UsageError) as caught:
        read(*arguments, **others)
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.fixture(autouse=True)
def nothing_in_the_environment(monkeypatch):
    for name in ("", "_SELECT", "_IGNORE", "_ALLOW", "_SOURCE", "_REPORT"):
        monkeypatch.delenv(f"SESSIONGUARD{name}", raising=False)


# -- on or off --------------------------------------------------------------------------------


def test_it_is_off_until_asked():
    assert read() == Settings()
    assert not options.is_asked_early(Config())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "config",
    [Config("--sessionguard"), Config(sessionguard="true"), Config(plugins=("sessionguard",))],
    ids=["option", "ini", "plugin"],
)
def test_each_way_to_ask(config):
    assert options.read(config).watch
    assert options.is_asked_early(config)


@pytest.mark.parametrize(
    ("value", "watch"),
    [("true", True), ("1", True), ("YES", True), (" on ", True), ("false", False), ("0", False)],
)
def test_truth_in_the_environment(monkeypatch, value, watch):
    monkeypatch.setenv("SESSIONGUARD", value)
    assert read().watch is watch


def test_the_environment_goes_before_the_ini_file(monkeypatch):
    monkeypatch.setenv("SESSIONGUARD", "no")
    assert not read(sessionguard="true").watch


def test_the_command_line_goes_before_the_environment(monkeypatch):
    monkeypatch.setenv("SESSIONGUARD", "no")
    assert read("--sessionguard").watch


def test_another_plugin_on_the_command_line_asks_for_nothing():
    assert not read(plugins=("xdist",)).watch


def test_a_bad_truth_is_told_with_its_name(monkeypatch):
    assert complaint(sessionguard="maybe") == (
        "the ini value sessionguard is 'maybe'; it takes true or false"
    )
    monkeypatch.setenv("SESSIONGUARD", "perhaps")
    assert complaint() == (
        "the environment variable SESSIONGUARD is 'perhaps'; it takes true or false"
    )


def test_a_bad_truth_is_not_told_before_pytest_can_show_it():
    assert not options.is_asked_early(Config(sessionguard="maybe"))  # type: ignore[arg-type]


# -- rules --------------------------------------------------------------------------------------


def test_all_rules_are_on():
    assert read().codes == CODES


def test_families_commas_and_repetition_add_up():
    chosen = read("--sessionguard-select=SG3,sg404", "--sessionguard-select=SG101")
    assert chosen.select == (*FAMILY_3, "SG404", "SG101")


def test_a_rule_that_is_named_twice_is_on_once():
    assert read("--sessionguard-select=SG301,SG3").select == FAMILY_3


def test_ignored_rules_are_off_even_if_selected():
    chosen = read("--sessionguard-select=SG3", "--sessionguard-ignore=SG303,SG304")
    assert chosen.codes == ("SG301", "SG302", "SG305")


@pytest.mark.parametrize("name", ["select", "ignore"])
def test_command_line_then_environment_then_ini(monkeypatch, name):
    ini = {f"sessionguard_{name}": ["SG101"]}
    assert getattr(read(**ini), name) == ("SG101",)
    monkeypatch.setenv(f"SESSIONGUARD_{name.upper()}", "SG102 SG103")
    assert getattr(read(**ini), name) == ("SG102", "SG103")
    assert getattr(read(f"--sessionguard-{name}=SG201", **ini), name) == ("SG201",)


def test_an_empty_environment_variable_says_nothing(monkeypatch):
    monkeypatch.setenv("SESSIONGUARD_ALLOW", "")
    assert read(sessionguard_allow=["db.session"]).allow == ("db.session",)


def test_names_are_lists_too():
    chosen = read("--sessionguard-allow=db.session,shop.*", sessionguard_source=["shop"])
    assert (chosen.allow, chosen.source) == (("db.session", "shop.*"), ("shop",))
    assert options.read_source(Config("--sessionguard-source=shop")) == ("shop",)  # type: ignore[arg-type]


@pytest.mark.parametrize("code", ["SG999", "SG3x", "shared-session", "G101", "SG1011"])
def test_an_unknown_rule_is_told_with_its_option_and_the_rules(code):
    text = complaint(f"--sessionguard-select={code}")
    assert "sessionguard_select" in text or "--sessionguard-select" in text
    assert repr(code) in text
    assert text.endswith(", ".join(CODES))


# -- the marker ----------------------------------------------------------------------------------


def test_a_marker_selects_for_its_test():
    assert Settings().marked({"select": ["SG3"]}).codes == FAMILY_3


def test_a_marker_goes_before_the_command_line_in_what_it_selects():
    assert read("--sessionguard-select=SG1").marked({"select": ["SG404"]}).codes == ("SG404",)


def test_a_marker_adds_to_what_is_ignored_and_allowed():
    chosen = Settings(ignore=("SG101",), allow=("db.session",))
    chosen = chosen.marked({"ignore": ("SG2",), "allow": {"shop.cache"}})
    assert chosen.ignore == ("SG101", "SG201", "SG202", "SG203")
    assert chosen.allow == ("db.session", "shop.cache")


def test_a_marker_without_arguments_changes_nothing():
    assert Settings(ignore=("SG101",)).marked({}) == Settings(ignore=("SG101",))


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ({"selct": ["SG101"]}, ("'selct'", "select, ignore, allow")),
        ({"select": "SG101"}, ("select=", "list of strings", "'SG101'")),
        ({"ignore": 101}, ("ignore=", "list of strings", "101")),
        ({"allow": [1, 2]}, ("allow=", "list of strings", "[1, 2]")),
        ({"select": ["SG999"]}, ("select=", "'SG999'", "SG101")),
    ],
)
def test_a_bad_marker_is_told_on_one_line(arguments, parts):
    with pytest.raises(ValueError) as caught:
        Settings().marked(arguments)
    text = str(caught.value)
    assert "\n" not in text
    assert "sessionguard" in text
    assert all(part in text for part in parts)


# -- reports -------------------------------------------------------------------------------------


def test_a_report_is_a_format_and_a_path_from_where_pytest_was_called():
    chosen = read("--sessionguard-report=json:out/guard.json")
    assert chosen.reports == (("json", Path("/project/out/guard.json")),)


def test_a_path_may_contain_colons_and_be_absolute():
    chosen = read("--sessionguard-report=json:/tmp/a:b.json")
    assert chosen.reports == (("json", Path("/tmp/a:b.json").resolve()),)


def test_reports_of_the_ini_file_are_the_default():
    ini = {"sessionguard_report": ["json:ini.json"]}
    assert [path.name for _, path in read(**ini).reports] == ["ini.json"]
    given = read("--sessionguard-report=json:given.json", **ini)
    assert [path.name for _, path in given.reports] == ["given.json"]


@pytest.mark.parametrize("value", ["guard.json", "yaml:guard.yaml", "json:", ""])
def test_a_bad_report_is_told_with_what_is_accepted(value):
    text = complaint(f"--sessionguard-report={value}")
    assert "--sessionguard-report" in text
    assert repr(value) in text
    assert "FORMAT:PATH" in text and "json" in text


def test_two_reports_to_one_path_are_refused():
    text = complaint("--sessionguard-report=json:a.json", "--sessionguard-report=json:./a.json")
    assert text.startswith("--sessionguard-report: two reports to one path")

"""Options: plain, under xdist, with bad values; which of several goes first; what is let pass."""

from __future__ import annotations

import pytest

TWO_TESTS = """
import shop


def test_one():
    assert shop.price_of_new_item(1) is None


def test_two():
    assert shop.price_of_new_item(2) is None
"""
MARKED = """
import pytest
import shop


@pytest.mark.sessionguard({arguments})
def test_price():
    assert shop.price_of_new_item(1) is None
"""


# -- select and ignore ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("--sessionguard-select=SG201", ["SG201"]),
        ("--sessionguard-select=SG1,sg2", ["SG201"]),
        ("--sessionguard-select=SG1,SG3", []),
        ("--sessionguard-ignore=SG2", []),
        ("--sessionguard-ignore=SG101 --sessionguard-ignore=SG201", []),
        ("--sessionguard-ignore=SG202", ["SG201"]),
    ],
)
def test_select_and_ignore(broken, option, expected):
    ran = broken.guard(*option.split())

    assert ran.codes == expected
    assert ran.status == (1 if expected else 0)


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("--sessionguard-select=SG2", ["SG201"]),
        ("--sessionguard-ignore=SG201", []),
        ("--sessionguard-allow=shop.price_*", []),
    ],
)
def test_under_xdist(suite, option, expected):
    suite.shop(tests=TWO_TESTS)

    ran = suite.guard("-n", "2", option, plugins=("xdist",))

    assert ran.codes == expected
    ran.outcomes(**({"failed": 2} if expected else {"passed": 2}))


LIBRARY = """
from sqlalchemy.orm import Session


def detached(engine, instance):
    session = Session(engine)
    session.add(instance)
    session.commit()
    session.close()
    try:
        return instance.price
    except Exception:
        return None
"""
TEST_LIBRARY = """
import shop
import shoplib


def test_library():
    assert shoplib.detached(shop.engine, shop.Item(price=1)) is None


def test_library_again():
    assert shoplib.detached(shop.engine, shop.Item(price=2)) is None
"""


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["plain", "xdist"])
def test_source(suite, monkeypatch, workers):
    """An installed package is under test when it is named: its line is the one to mend."""
    suite.shop(tests=TEST_LIBRARY)
    installed = suite.path / "env" / "site-packages"
    installed.mkdir(parents=True)
    (installed / "shoplib.py").write_text(LIBRARY)
    monkeypatch.setenv("PYTHONPATH", f"{suite.path}:{installed}")
    plugins = ("xdist",) if workers else ()

    suite.ini("sessionguard_source = other shoplib")
    named = suite.guard(*workers, plugins=plugins)

    (finding,) = named.report["findings"]
    assert finding["location"]["path"].endswith("shoplib.py")
    assert finding["location"]["line"] == 9
    assert finding["tests"] == ["test_shop.py::test_library", "test_shop.py::test_library_again"]
    assert named.text.count("--sessionguard-source: there is no package") == 1
    assert "--sessionguard-source: there is no package other here" in named.text
    if not workers:
        suite.ini()
        unnamed = suite.guard()
        assert {f["location"]["path"] for f in unnamed.report["findings"]} <= {"test_shop.py"}


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["plain", "xdist"])
def test_report(broken, workers):
    plugins = ("xdist",) if workers else ()
    broken.ini("sessionguard_report = json:from_ini.json")

    broken.run("-p", "sessionguard", *workers, plugins=plugins)
    assert (broken.path / "from_ini.json").read_text().startswith("{")

    ran = broken.guard("--sessionguard-report=json:out/deep/second.json")
    assert ran.codes == ["SG201"]
    second = broken.path / "out" / "deep" / "second.json"
    assert second.read_text() == (broken.path / "guard.json").read_text()


# -- bad values ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "ini", "environment", "words"),
    [
        (["--sessionguard-select=SG999"], [], {}, ["select", "SG999", "SG101", "SG404"]),
        (["--sessionguard-select=x"], [], {}, ["select", "'x'", "SG101"]),
        (["--sessionguard-ignore=SG2,nope"], [], {}, ["ignore", "'nope'", "SG101"]),
        ([], ["sessionguard_select = SG12345"], {}, ["sessionguard_select", "SG12345", "SG101"]),
        ([], ["sessionguard_ignore = SGX"], {}, ["sessionguard_ignore", "SGX", "SG101"]),
        ([], ["sessionguard = maybe"], {}, ["sessionguard", "'maybe'", "true or false"]),
        ([], [], {"SESSIONGUARD": "perhaps"}, ["SESSIONGUARD", "'perhaps'", "true or false"]),
        ([], [], {"SESSIONGUARD_IGNORE": "SG7"}, ["IGNORE", "SG7", "SG101"]),
        (
            ["--sessionguard-report=xml:x.xml"],
            [],
            {},
            ["--sessionguard-report", "xml:x.xml", "json"],
        ),
        (["--sessionguard-report=json:"], [], {}, ["--sessionguard-report", "FORMAT:PATH"]),
        ([], ["sessionguard_report = guard.json"], {}, ["report", "guard.json", "FORMAT:PATH"]),
    ],
)
def test_a_bad_value_is_a_usage_error(broken, monkeypatch, arguments, ini, environment, words):
    broken.ini(*ini)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    switch = [] if "sessionguard = maybe" in ini or "SESSIONGUARD" in environment else ["-p"]

    ran = broken.run(*switch, *(["sessionguard"] if switch else []), *arguments)

    assert ran.status == 4, ran.text + ran.errors
    (line,) = [line for line in ran.errors.splitlines() if line.startswith("ERROR")]
    for word in words:
        assert word.lower() in line.lower()
    assert "Traceback" not in ran.text + ran.errors
    assert "INTERNALERROR" not in ran.text + ran.errors


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("seletc=['SG1']", ["seletc", "select, ignore, allow"]),
        ("select='SG1'", ["select", "list of strings"]),
        ("ignore=['SG0']", ["ignore", "SG0", "SG101"]),
        ("allow=[1]", ["allow", "list of strings"]),
        ("allow=7", ["allow", "list of strings"]),
        ("'SG101'", ["positional", "sessionguard"]),
    ],
)
def test_a_bad_marker_is_one_clear_line(suite, arguments, words):
    suite.shop(tests=MARKED.format(arguments=arguments))

    ran = suite.run("-p", "sessionguard")

    assert ran.status in (1, 4), ran.text + ran.errors
    output = ran.text + ran.errors
    (line,) = [line for line in ran.errors.splitlines() if line.startswith("ERROR")]
    for word in words:
        assert word in line
    assert "test_shop.py::test_price" in line
    assert "Traceback" not in output
    assert "INTERNALERROR" not in output


def test_a_bad_value_under_xdist_is_told_once(broken):
    ran = broken.run(
        "-p", "sessionguard", "--sessionguard-select=SG8", "-n", "2", plugins=("xdist",)
    )

    assert ran.status == 4
    assert "SG8" in ran.errors
    assert "Traceback" not in ran.text + ran.errors


def test_bad_select_without_the_guard_being_asked(broken):
    """A silent pass: a bad value is told even in a run that only markers guard."""
    ran = broken.run("--sessionguard-select=SG8")

    assert ran.status == 4


# -- which goes first ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ini", "environment", "command_line", "marker", "expected"),
    [
        ("SG2", None, None, None, ["SG201"]),
        ("SG2", "SG1", None, None, []),
        ("SG1", "SG2", None, None, ["SG201"]),
        ("SG1", "SG2", "SG3", None, []),
        ("SG1", "SG1", "SG2", None, ["SG201"]),
        ("SG2", "SG2", "SG2", "SG1", []),
        ("SG1", "SG1", "SG1", "SG2", ["SG201"]),
    ],
)
def test_marker_before_command_line_before_environment_before_ini(
    suite, monkeypatch, ini, environment, command_line, marker, expected
):
    suite.shop(tests=MARKED.format(arguments=f"select=[{marker!r}]" if marker else ""))
    suite.ini(f"sessionguard_select = {ini}")
    if environment:
        monkeypatch.setenv("SESSIONGUARD_SELECT", environment)

    ran = suite.guard(*([f"--sessionguard-select={command_line}"] if command_line else []))

    assert ran.codes == expected


def test_the_inner_marker_goes_before_the_outer(suite):
    suite.shop(
        tests="import pytest, shop\n\n"
        "pytestmark = pytest.mark.sessionguard(select=['SG2'])\n\n\n"
        "@pytest.mark.sessionguard(select=['SG1'])\n"
        "def test_inner():\n    assert shop.price_of_new_item(1) is None\n\n\n"
        "def test_outer():\n    assert shop.price_of_new_item(1) is None\n"
    )

    ran = suite.guard()

    (finding,) = ran.report["findings"]
    assert finding["tests"] == ["test_shop.py::test_outer"]


# -- what is let pass ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("comment", "silent"),
    [
        ("# sessionguard: ignore[SG101]", True),
        ("# sessionguard: ignore[SG303, sg101]", True),
        ("# sessionguard: ignore", True),
        ("# sessionguard: ignore[SG201]", False),
    ],
)
def test_a_comment_on_the_line_to_mend(suite, comment, silent):
    suite.web(holder=f"session = Session(engine)  {comment}")

    ran = suite.guard()

    assert ran.codes == ([] if silent else ["SG101"])
    assert ran.status == (0 if silent else 1)


@pytest.mark.parametrize(
    ("words", "silent"), [("shared by design", True), ("because I say so", False)]
)
def test_shared_by_design(suite, words, silent):
    suite.web(holder=f"session = Session(engine)\nsession.info['sessionguard'] = {words!r}")

    assert suite.guard().codes == ([] if silent else ["SG101"])


STORE = """
class Store:
    def __init__(self):
        self.session = Session(engine)


store = Store()
"""


@pytest.mark.parametrize(
    ("names", "holder", "expression", "silent"),
    [
        ("web.session", "session = Session(engine)", "session", True),
        ("other.thing web.*", "session = Session(engine)", "session", True),
        ("web.sess", "session = Session(engine)", "session", False),
        ("Store.session", STORE, "store.session", True),
        ("Sto*.sess?on", STORE, "store.session", True),
        ("Shop.session", STORE, "store.session", False),
        ("web.Store.__init__", STORE, "store.session", True),
    ],
    ids=[
        "module variable",
        "pattern",
        "part of a name",
        "class attribute",
        "pattern of attribute",
        "another class",
        "function",
    ],
)
def test_allow_by_name(suite, names, holder, expression, silent):
    suite.web(holder=holder, expression=expression)
    suite.ini(f"sessionguard_allow = {names}")

    ran = suite.guard()

    assert ran.codes == ([] if silent else ["SG101"])
    assert ran.status == (0 if silent else 1)


def test_allow_by_function(broken):
    assert broken.guard("--sessionguard-allow=shop.price_of_new_item").codes == []
    assert broken.guard("--sessionguard-allow=shop.price_of_*,x").codes == []
    assert broken.guard("--sessionguard-allow=price_of_new_item").codes == ["SG201"]


def test_allow_in_a_marker_adds_to_the_others(suite):
    suite.shop(tests=MARKED.format(arguments="allow=['shop.price_*']"))

    ran = suite.guard("--sessionguard-allow=nothing.of_this")

    assert ran.codes == []
    ran.outcomes(passed=1)

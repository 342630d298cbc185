"""What is told: on the terminal, in the exit status, in the JSON report."""

from __future__ import annotations

import json

import pytest


def section(text, title):
    """The lines under a ruled title."""
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.strip("_= ") == title)
    return [line for line in lines[start + 1 :] if line]


def test_a_failing_test_tells_all(broken):
    ran = broken.run("-p", "sessionguard")

    ran.outcomes(failed=1)
    told = section(ran.text, "test_price")
    assert told[0].startswith("SG201 detached-access: Item")
    assert "was read from a detached instance" in told[0]
    close = broken.line_of("shop", "session.close()")
    read = broken.line_of("shop", "return item.price")
    full = "\n".join(told)
    assert f"mend here: shop.py:{close} in price_of_new_item" in full
    assert "  A: the test: Session.close()" in full
    assert "  B: the test: read" in full
    assert f"       shop.py:{read} in price_of_new_item\n         return item.price" in full
    assert "  why: " in full
    assert "  fix: Read what you need before the Session is closed" in full
    assert "--sessionguard-explain SG201" in full


def test_the_summary_comes_last(broken):
    ran = broken.run("-p", "sessionguard")

    summary = section(ran.text, "sessionguard")
    assert summary[0].startswith("SG201 Item")
    assert "mend: shop.py:" in summary[1]
    assert "1 finding;" in "\n".join(summary)
    assert "FAILED test_shop.py::test_price - SG201 shop.py:" in "\n".join(summary)
    assert ran.status == 1


def test_silence(mended):
    ran = mended.guard()

    ran.outcomes(passed=1)
    assert ran.status == 0
    assert ran.text.count("sessionguard") == 2  # the header, and the list of plugins
    assert ran.report["findings"] == []
    assert ran.report["summary"]["findings"] == 0
    assert ran.report["format"] == 1
    assert ran.report["tool"]["name"] == "pytest-sessionguard"
    assert set(ran.report) == {"format", "tool", "environment", "summary", "findings", "searches"}


IMPORTING = "import shop\n\nPRICE = shop.price_of_new_item(1)\n"
PASSING = "import start\n\n\ndef test_passes():\n    assert start.PRICE is None\n"


def test_a_finding_at_import_fails_the_run(suite):
    suite.shop(tests=PASSING)
    suite.write(start=IMPORTING)

    ran = suite.guard()

    ran.outcomes(passed=1)
    assert ran.status == 1
    assert ran.codes == ["SG201"]
    assert ran.report["findings"][0]["tests"] == []
    assert ran.report["summary"]["exit_status"] == 1
    assert section(ran.text, "sessionguard")[0].startswith("SG201 detached-access: Item")


def test_a_finding_at_import_fails_a_run_without_tests(suite):
    suite.shop(tests="import start\n")
    suite.write(start=IMPORTING)

    ran = suite.guard()

    assert ran.status == 1
    assert ran.codes == ["SG201"]


def test_a_finding_when_a_session_fixture_ends_fails_the_run(suite):
    suite.shop(
        tests="import pytest, shop\n\n\n@pytest.fixture(scope='session')\ndef shopping():\n"
        "    yield\n    assert shop.price_of_new_item(1) is None\n\n\n"
        "def test_passes(shopping):\n    pass\n"
    )

    ran = suite.guard()

    assert ran.status == 1
    assert ran.codes == ["SG201"]


OUTCOMES = """
import pytest
import shop


def look():
    assert shop.price_of_new_item(1) is None


def test_fails_by_itself():
    look()
    assert "its own" == "reason"


@pytest.mark.xfail(reason="known", strict=False)
def test_xfails():
    look()
    assert False


@pytest.mark.xfail(reason="known", strict=False)
def test_xpasses():
    look()


def test_skips():
    look()
    pytest.skip("not today")


def test_innocent():
    assert 1 + 1 == 2
"""


def test_tests_keep_the_outcome_they_have(suite):
    suite.shop(tests=OUTCOMES)

    ran = suite.guard("-rA")

    ran.outcomes(failed=1, xfailed=1, xpassed=1, skipped=1, passed=1)
    own = section(ran.text, "test_fails_by_itself")
    assert any("assert 'its own' == 'reason'" in line for line in own)
    assert any(line.startswith("SG201 ") for line in own)
    assert any(line.strip("- ") == "sessionguard" for line in own)
    assert "SKIPPED [1] test_shop.py" in ran.text and "not today" in ran.text
    assert ran.codes == ["SG201"]


def test_a_failing_setup_keeps_its_own_error(suite):
    suite.shop(
        tests="import pytest, shop\n\n\n@pytest.fixture\ndef bad():\n"
        "    assert shop.price_of_new_item(1) is None\n    raise KeyError('own')\n\n\n"
        "def test_it(bad):\n    pass\n"
    )

    ran = suite.guard()

    ran.outcomes(errors=1)
    assert "KeyError: 'own'" in ran.text
    assert ran.codes == ["SG201"]


def test_one_finding_names_all_its_tests(suite):
    suite.shop(
        tests="import pytest, shop\n\n\n@pytest.mark.parametrize('price', range(5))\n"
        "def test_price(price):\n    assert shop.price_of_new_item(price) is None\n"
    )
    expected = [f"test_shop.py::test_price[{n}]" for n in range(5)]

    alone = suite.guard()
    shared = suite.guard("-n", "2", plugins=("xdist",))

    for ran in (alone, shared):
        ran.outcomes(failed=5)
        (finding,) = ran.report["findings"]
        assert finding["tests"] == expected
        assert ran.report["summary"]["tests"] == 5
    assert alone.report["findings"] == shared.report["findings"]


def test_findings_at_import_are_merged_under_xdist(suite):
    suite.shop(tests=PASSING + "\n\ndef test_more():\n    pass\n")
    suite.write(start=IMPORTING)

    ran = suite.guard("-n", "2", plugins=("xdist",))

    ran.outcomes(passed=2)
    assert ran.status == 1
    assert ran.codes == ["SG201"]


def test_the_report_of_a_finding(suite):
    folder = suite.path / "src" / "backend"
    folder.mkdir(parents=True)
    suite.shop()
    (suite.path / "shop.py").rename(folder / "shop.py")
    suite.ini("pythonpath = src/backend")

    ran = suite.guard()

    (finding,) = ran.report["findings"]
    assert finding["location"] == {
        "path": "src/backend/shop.py",
        "line": 28,
        "function": "price_of_new_item",
    }
    assert finding["name"] == "detached-access"
    assert finding["level"] == "error"
    assert finding["tests"] == ["test_shop.py::test_price"]
    assert finding["replay"] is None and finding["replay_command"] is None
    for side in finding["sides"]:
        assert set(side) >= {"worker", "action", "location", "stack"}
        assert side["stack"][-1]["path"] == "test_shop.py"
        assert side["location"] == side["stack"][0]
    assert str(suite.path) not in json.dumps(ran.report)
    assert "\\" not in finding["location"]["path"]


def test_paths_are_relative_to_the_root_from_a_folder_below(broken):
    below = broken.path / "below"
    below.mkdir()
    (below / "test_below.py").write_text((broken.path / "test_shop.py").read_text())
    (broken.path / "test_shop.py").unlink()
    result = broken.pytester.runpython_c(
        "import os, sys, pytest; os.chdir('below'); sys.exit(pytest.main(["
        "'-p', 'sessionguard', '-p', 'no:xdist', '-p', 'no:asyncio', '-p', 'no:anyio',"
        "'--sessionguard-report=json:here.json']))"
    )

    assert result.ret == 1
    report = json.loads((below / "here.json").read_text())
    assert report["findings"][0]["location"]["path"] == "shop.py"
    assert report["findings"][0]["tests"] == ["below/test_below.py::test_price"]


SECRETS = """
from sqlalchemy import create_engine, String
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import StaticPool

engine = create_engine("sqlite://", poolclass=StaticPool)
url = "postgresql+asyncpg://joe:" + "hunter".upper() + "2@db.example/shop"
elsewhere = create_engine(url)


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40))

    def __repr__(self):
        return f"<{self.__dict__.get('name', 'row' + 'value')}>"


Base.metadata.create_all(engine)


def swallow(action):
    try:
        return action()
    except Exception:
        return None


def change(password):
    session = Session(engine)
    user = User(name=password)
    session.add(user)
    session.flush()
    swallow(lambda: Session(elsewhere).add(user))
    session.commit()
    session.close()
    return swallow(lambda: user.name)
"""


def test_no_parameters_and_no_passwords(suite):
    suite.shop(
        SECRETS,
        "import shop\n\n\ndef test_it():\n    assert shop.change('geh' + 'eim') is None\n",
    )

    ran = suite.guard()

    assert ran.codes == ["SG203", "SG201"]
    written = ran.text + json.dumps(ran.report)
    for secret in ("geheim", "HUNTER2", "rowvalue"):
        assert secret not in written


ADVISING = """
import dataclasses

from pytest_sessionguard.findings import ADVICE
from pytest_sessionguard.rules import sg201

sg201.RULE = dataclasses.replace(sg201.RULE, level=ADVICE)
"""


def test_advice_is_told_in_the_summary_and_fails_nothing(broken):
    broken.write(conftest=ADVISING)

    ran = broken.guard()

    ran.outcomes(passed=1)
    assert ran.status == 0
    assert section(ran.text, "sessionguard")[0].startswith("SG201 Item")
    assert ran.report["findings"][0]["level"] == "advice"
    assert (ran.report["summary"]["errors"], ran.report["summary"]["advice"]) == (0, 1)


def test_only_xfailing_tests_show_a_finding(suite):
    """Its tests keep their outcome; so does the run."""
    suite.shop(
        tests="import pytest, shop\n\n\n@pytest.mark.xfail(reason='known')\ndef test_it():\n"
        "    assert shop.price_of_new_item(1) == 1\n"
    )

    ran = suite.guard()

    ran.outcomes(xfailed=1)
    assert ran.codes == ["SG201"]
    assert ran.report["findings"][0]["tests"] == ["test_shop.py::test_it"]
    assert ran.status == 0


def test_teardown_finding_names_its_test(suite):
    suite.shop(
        tests="import pytest, shop\n\n\n@pytest.fixture\ndef shopping():\n"
        "    yield\n    assert shop.price_of_new_item(1) is None\n\n\n"
        "def test_passes(shopping):\n    pass\n"
    )

    ran = suite.guard()

    ran.outcomes(passed=1, errors=1)
    assert ran.report["findings"][0]["tests"] == ["test_shop.py::test_passes"]


UNBOUND = """
from sqlalchemy import create_engine
from sqlalchemy.orm import scoped_session, sessionmaker

Session = scoped_session(sessionmaker())


def start():
    early = Session()
    Session.configure(bind=create_engine("sqlite://"))
    return Session() is early
"""


def test_unbound_session_in_one_function(suite):
    suite.write(
        registry=UNBOUND,
        test_it="import registry\n\n\ndef test_it():\n    assert registry.start()\n",
    )

    assert suite.guard("-W", "ignore").codes == ["SG302"]


def test_unbound_session_at_import(suite):
    suite.write(
        registry=UNBOUND.replace("def start():", "if True:").replace("return ", "SAME = "),
        test_it="import registry\n\n\ndef test_it():\n    assert registry.SAME\n",
    )

    assert suite.guard("-W", "ignore").codes == ["SG302"]


# -- interrupted, and other ends -----------------------------------------------------------------


@pytest.mark.parametrize("place", ["test", "setup", "collection"])
def test_the_report_is_written_when_interrupted(suite, place):
    stop = {
        "test": "def test_stop():\n    raise KeyboardInterrupt\n",
        "setup": "@pytest.fixture\ndef stop():\n    raise KeyboardInterrupt\n\n\n"
        "def test_stop(stop):\n    pass\n",
        "collection": "raise KeyboardInterrupt\n",
    }[place]
    suite.shop()
    suite.write(test_stop=f"import pytest\n\n\n{stop}")

    ran = suite.guard()

    assert ran.status == 2
    assert ran.codes == ([] if place == "collection" else ["SG201"])
    assert ran.report["summary"]["exit_status"] == 2


def test_the_report_is_written_after_a_broken_collection(broken):
    broken.write(test_broken="import no_such_module\n")

    ran = broken.guard()

    assert ran.status == 2
    assert ran.codes == []


def test_collect_only_writes_an_empty_report(broken):
    ran = broken.guard("--collect-only", "-q")

    assert ran.status == 0
    assert ran.codes == []
    assert "test_shop.py::test_price" in ran.text


def test_two_reports_to_one_path(broken):
    ran = broken.guard("--sessionguard-report=json:x/../guard.json")

    assert ran.status == 4
    (line,) = [line for line in ran.errors.splitlines() if line]
    assert "--sessionguard-report" in line and "two reports to one path" in line


def test_a_report_path_that_cannot_be_written(broken):
    path = "file/under.json"
    (broken.path / "file").write_text("")

    ran = broken.run("-p", "sessionguard", f"--sessionguard-report=json:{path}")

    assert ran.status == 4, ran.text + ran.errors
    (line,) = [line for line in ran.errors.splitlines() if line]
    assert "--sessionguard-report" in line and "cannot be written" in line and path in line
    assert "Traceback" not in ran.errors + ran.text


def test_report_path_under_xdist_is_told_once(broken):
    (broken.path / "file").write_text("")

    ran = broken.run(
        "-p",
        "sessionguard",
        "--sessionguard-report=json:file/x.json",
        "-n",
        "2",
        plugins=("xdist",),
    )

    assert ran.status == 4
    assert "Traceback" not in ran.text + ran.errors
    assert len([line for line in ran.errors.splitlines() if line]) == 1


def test_explain(suite):
    ran = suite.run("--sessionguard-explain", "sg301")

    assert ran.status == 0
    assert ran.text.startswith("# SG301 late-monkey-patch")
    assert "## Mend it" in ran.text
    assert "test session starts" not in ran.text


def test_explain_a_bad_code(suite):
    ran = suite.run("--sessionguard-explain=SG999")

    assert ran.status == 4
    (line,) = [line for line in ran.errors.splitlines() if line]
    assert "--sessionguard-explain" in line and "SG999" in line and "SG301" in line


def test_junit_and_quiet_reports_know_the_finding(broken):
    ran = broken.run("-p", "sessionguard", "-q", "--junitxml=junit.xml")

    assert ran.status == 1
    written = (broken.path / "junit.xml").read_text()
    assert 'failures="1"' in written
    assert "SG201" in written


@pytest.mark.parametrize("style", ["line", "no"])
def test_short_traceback_styles_keep_the_verdict(broken, style):
    ran = broken.run("-p", "sessionguard", f"--tb={style}")

    assert ran.status == 1
    assert "FAILED test_shop.py::test_price - SG201" in ran.text
    assert "INTERNALERROR" not in ran.text + ran.errors

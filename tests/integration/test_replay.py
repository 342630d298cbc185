"""A token repeats its execution: the same steps, the same findings, wherever it is run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from pytest_sessionguard.schedule import token as tokens

APP = """
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


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


def buy(engine):
    with Session(engine) as session:
        session.get(Stock, 1).left -= 1
        session.commit()
"""
TESTS = """
from app import *


def test_before():
    print("not the token's")


def test_shared(concurrently, tmp_path):
    session = Session(filled(tmp_path))

    def sell():
        session.get(Stock, 1).left -= 1
        session.commit()

    concurrently(sell, workers=2)
    session.close()


def test_lost_update(concurrently, tmp_path):
    engine = filled(tmp_path)
    concurrently(lambda: buy(engine), workers=2)
    with Session(engine) as session:
        assert session.get(Stock, 1).left == 8
"""
OPTION = "--sessionguard-replay="


@pytest.fixture
def shop(suite):
    suite.write(app=APP, test_shop=TESTS)
    return suite


def token_of_finding(ran) -> str:
    (finding,) = ran.report["findings"]
    return finding["replay"]


def token_of_failure(ran) -> str:
    return ran.text.partition(OPTION)[2].split()[0]


@pytest.fixture
def found(shop):
    """What the search of the shared session found."""
    ran = shop.guard("-k", "test_shared")
    assert ran.codes in (["SG101"], ["SG102"]), ran.text
    return ran


def check(ran, found) -> None:
    """A replay of what was found: the same steps, since the token holds them, and finding."""
    assert ran.status == 1, ran.text + ran.errors
    assert ran.report["findings"] == found.report["findings"]
    (search,) = ran.report["searches"]
    assert (search["strategy"], search["executions"]) == ("replay", 1)


def test_in_a_fresh_process_and_nothing_else_runs(shop, found):
    ran = shop.guard(OPTION + token_of_finding(found))
    check(ran, found)
    ran.outcomes(failed=1, deselected=2)
    assert "not the token's" not in ran.text


def test_a_failure_is_replayed_too(shop):
    token = token_of_failure(shop.guard("-k", "lost_update"))
    ran = shop.guard(OPTION + token, "-rA")
    ran.outcomes(failed=1, deselected=2)
    assert token_of_failure(ran) == token
    assert "assert 9 == 8" in ran.text


def test_in_another_directory(shop, found, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "deep" / "down"
    shutil.copytree(
        shop.path, elsewhere, ignore=shutil.ignore_patterns("runpytest*", "*.json", "__pycache__")
    )
    for path in shop.path.glob("*.py"):
        path.unlink()
    shop.pytester.chdir()
    os.chdir(elsewhere)
    shop.path = elsewhere
    os.environ["PYTHONPATH"] = str(elsewhere)  # monkeypatched by the fixture, and so put back
    check(shop.guard(OPTION + token_of_finding(found), f"--rootdir={elsewhere}"), found)


def test_under_xdist(shop, found):
    pytest.importorskip("xdist")
    ran = shop.guard("-n2", OPTION + token_of_finding(found), plugins=("xdist",))
    check(ran, found)
    assert ran.result.parseoutcomes()["failed"] == 1
    assert "passed" not in ran.result.parseoutcomes()


TWENTY_TIMES = """
import sys

import pytest


class Seen:
    def pytest_runtest_logreport(self, report):
        for finding in getattr(report, "sessionguard_findings", ()):
            print("SEEN", repr(finding), file=sys.stderr)


for _ in range(20):
    pytest.main(
        ["-p", "sessionguard", "-p", "no:cacheprovider", "-p", "no:asyncio", "-q", *sys.argv[1:]],
        plugins=[Seen()],
    )
"""


def test_twenty_times_in_one_process(shop, found):
    shop.write(twenty=TWENTY_TIMES)
    done = subprocess.run(
        [sys.executable, "twenty.py", OPTION + token_of_finding(found)],
        capture_output=True,
        text=True,
        cwd=shop.path,
        timeout=120,
    )
    seen = [line for line in done.stderr.splitlines() if line.startswith("SEEN")]
    assert len(seen) == 20, done.stdout + done.stderr
    assert len(set(seen)) == 1
    assert token_of_finding(found) in seen[0]


def test_the_nodeid_may_be_given_as_well(shop, found):
    check(shop.guard("test_shop.py::test_shared", OPTION + token_of_finding(found)), found)


# -- tokens that cannot be replayed --------------------------------------------------------------


def usage_error(ran) -> str:
    """The one line that pytest prints."""
    assert ran.status == 4, ran.text + ran.errors
    (line,) = [line for line in ran.errors.splitlines() if line.strip()]
    assert "Traceback" not in ran.text + ran.errors
    return line


FOREIGN = tokens.encode(tokens.Token(tokens.digest("other.py::test"), "thread", 2, (), ()))


@pytest.mark.parametrize(
    ("token", "message"),
    [
        ("", "it is not a replay token; one begins with 'sg1.'"),
        ("nonsense", "it is not a replay token; one begins with 'sg1.'"),
        (FOREIGN[:-5], "it is damaged; copy all of it"),
        (FOREIGN.replace("sg1", "sg7"), "its version is 7, this guard reads version 1"),
        (FOREIGN, "none of the 3 collected tests is the token's"),
    ],
    ids=["empty", "malformed", "cut off", "other version", "foreign"],
)
def test_a_token_that_is_none_is_a_usage_error(shop, token, message):
    line = usage_error(shop.guard(OPTION + token))
    assert line.startswith("ERROR: --sessionguard-replay: ")
    assert message in line


def test_a_bad_token_under_xdist(shop):
    pytest.importorskip("xdist")
    ran = shop.guard("-n2", OPTION + FOREIGN[:-5], plugins=("xdist",))
    assert "it is damaged" in usage_error(ran)


def test_a_foreign_token_under_xdist_runs_nothing(shop):
    pytest.importorskip("xdist")
    ran = shop.guard("-n2", OPTION + FOREIGN, plugins=("xdist",))
    assert ran.status == 4, ran.text
    assert ran.text.count("none of the 3 collected tests is the token's") == 1


def test_a_renamed_test_is_told(shop, found):
    shop.write(test_shop=TESTS.replace("test_shared", "test_renamed"))
    line = usage_error(shop.guard(OPTION + token_of_finding(found)))
    assert "it was renamed or moved since" in line


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("session.get(Stock, 1).left = 3", None),
        ("session.query(Stock).count()", ("worker 0: get", "worker 0: ")),
    ],
    ids=["none that matters", "another operation"],
)
def test_a_changed_test_drifts(shop, found, change, expected):
    shop.write(test_shop=TESTS.replace("session.get(Stock, 1).left -= 1", change))
    ran = shop.guard(OPTION + token_of_finding(found))
    ran.outcomes(failed=1, deselected=2)
    drifts = [line for line in ran.text.splitlines() if "the replay left its recorded way" in line]
    if expected is None:
        assert drifts == []
        return
    assert len(drifts) == 1, ran.text
    told, seen = expected
    assert f"at step 1: expected {told}, seen {seen}" in drifts[0]
    assert "The test or the code under test has changed since" in drifts[0]
    assert "worker 0: get" not in drifts[0].partition("seen")[2].partition(".")[0]


def test_a_test_that_ends_early_drifts(shop, found):
    shop.write(test_shop=TESTS.replace("        session.commit()\n\n    con", "\n    con"))
    ran = shop.guard(OPTION + token_of_finding(found))
    ran.outcomes(failed=1, deselected=2)
    assert "the replay left its recorded way at step" in ran.text


def test_a_test_without_anything_concurrent_drifts(shop, found):
    shop.write(test_shop=TESTS.replace("concurrently(sell, workers=2)", "pass"))
    ran = shop.guard(OPTION + token_of_finding(found))
    ran.outcomes(failed=1, deselected=2)
    assert "seen nothing more" in ran.text

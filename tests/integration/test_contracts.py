"""Contracts that were broken once: bad input is told, and no fault of the guard touches a run."""

from integration.test_settings_options import LIBRARY, MARKED, TEST_LIBRARY


def test_source_on_the_command_line(suite, monkeypatch):
    suite.shop(tests=TEST_LIBRARY)
    installed = suite.path / "env" / "site-packages"
    installed.mkdir(parents=True)
    (installed / "shoplib.py").write_text(LIBRARY)
    monkeypatch.setenv("PYTHONPATH", f"{suite.path}:{installed}")

    ran = suite.guard("--sessionguard-source=other,shoplib")

    (finding,) = ran.report["findings"]
    assert finding["location"]["path"].endswith("shoplib.py")


def test_source_on_the_command_line_goes_before_ini(suite, monkeypatch):
    suite.shop(tests=TEST_LIBRARY)
    installed = suite.path / "env" / "site-packages"
    installed.mkdir(parents=True)
    (installed / "shoplib.py").write_text(LIBRARY)
    monkeypatch.setenv("PYTHONPATH", f"{suite.path}:{installed}")
    suite.ini("sessionguard_source = nothing")

    ran = suite.guard("--sessionguard-source=shoplib")

    assert ran.codes == ["SG201"]


def test_a_folder_as_report_path(broken):
    (broken.path / "folder").mkdir()

    ran = broken.run("-p", "sessionguard", "--sessionguard-report=json:folder")

    assert ran.status == 4, ran.text + ran.errors
    (line,) = [line for line in ran.errors.splitlines() if line]
    assert "--sessionguard-report" in line and "cannot be written" in line and "folder" in line


LOCKS = """
import copy
import pickle
import threading

import pytest


@pytest.mark.parametrize("make", [threading.Lock, threading.RLock])
@pytest.mark.parametrize("action", [pickle.dumps, copy.copy, copy.deepcopy])
def test_no_pickling(make, action):
    with pytest.raises(TypeError, match=r"cannot pickle '_thread.R?[lL]ock' object"):
        action(make())
"""


def test_locks_are_not_pickled_or_copied(suite):
    suite.write(test_locks=LOCKS)
    assert suite.run().status == 0
    suite.guard().outcomes(passed=6)


def test_a_fault_with_warnings_as_errors(suite):
    """The guard's own warning must not fail the test, nor break the user's operation."""
    from integration.test_robustness import FAULTS, THREE, conftest

    suite.shop(tests=THREE)
    suite.ini("filterwarnings = error")
    suite.write(conftest=conftest(FAULTS["recorder"]))

    ran = suite.guard("--sessionguard-ignore=SG201")

    ran.outcomes(passed=3)
    assert ran.status == 0


def test_a_finding_at_import_is_told_in_full(suite):
    suite.shop(tests="import start\n\n\ndef test_passes():\n    assert start.PRICE is None\n")
    suite.write(start="import shop\n\nPRICE = shop.price_of_new_item(1)\n")

    ran = suite.guard()

    for words in ("mend here: shop.py:28", "  A: ", "  B: ", "  why: ", "  fix: "):
        assert words in ran.text


def test_a_bad_marker_under_xdist(suite):
    suite.shop(tests=MARKED.format(arguments="select=['SG0']"))

    ran = suite.run("-p", "sessionguard", "-n", "2", plugins=("xdist",))

    output = ran.text + ran.errors
    assert ran.status in (1, 4), output
    assert "unknown rule 'SG0'" in output
    assert "Traceback" not in output
    assert "INTERNALERROR" not in output


def test_a_fault_at_import_with_warnings_as_errors(suite):
    """A fault outside of tests is told, and does not break the import."""
    suite.shop(tests="import start\n\n\ndef test_passes():\n    assert start.PRICE is None\n")
    suite.write(
        start="import shop\n\nPRICE = shop.price_of_new_item(1)\n",
        conftest="from pytest_sessionguard.observe.recorder import Recorder\n\n\n"
        "def who(self):\n    raise ZeroDivisionError('a fault of the guard')\n\n\nRecorder.who = who\n",
    )

    ran = suite.guard("-W", "error")

    ran.outcomes(passed=1)
    assert "ZeroDivisionError: a fault of the guard" in ran.text + ran.errors

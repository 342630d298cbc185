from __future__ import annotations

from types import SimpleNamespace

from pytest_sessionguard.events import Site
from pytest_sessionguard.findings import ADVICE, Finding, Related, Side
from pytest_sessionguard.reports import terminal, text
from unit.tracing import app, module

SOURCE = {3: "session = Session(engine)", 12: "    session.add(order)"}


def read_line(site: Site) -> str:
    return SOURCE.get(site.line, "") + "\n"


def fault(**changes) -> Finding:
    values = {
        "code": "SG101", "name": "shared-session", "level": "error", "message": "used by two",
        "why": "because", "fix": "one each", "site": module(3),
        "sides": (Side("a", "Session.add()", (app(12),)), Side("b", "commit", (app(14),))),
        "related": (Related("it is held by db.session", module(4)),),
    }  # fmt: skip
    return Finding(**{**values, **changes})


def told(found: Finding, **options) -> list[str]:
    return [line for line, _ in text.lines(found, read_line, **options)]


def test_the_first_line_is_the_verdict():
    assert told(fault())[0] == "SG101 shared-session: used by two"


def test_the_verdict_on_one_line_names_the_line_to_mend():
    assert text.verdict(fault()) == "SG101 db.py:3 used by two"


def test_the_line_to_mend_comes_before_the_sides_with_its_source():
    lines = told(fault())
    mend = lines.index("  mend here: db.py:3 in <module>")
    assert lines[mend + 1].strip() == "session = Session(engine)"
    assert mend < lines.index("  A: a: Session.add()") < lines.index("  B: b: commit")


def test_both_sides_have_their_lines_and_their_source_if_it_can_be_read():
    lines = told(fault())
    first = lines.index("       app.py:12 in view")
    assert lines[first + 1].strip() == "session.add(order)"
    second = lines.index("       app.py:14 in view")
    assert lines[second + 1].startswith("  it is held by db.session: db.py:4")


def test_why_fix_and_where_to_read_on_come_last():
    assert told(fault())[-3:] == [
        "  why: because",
        "  fix: one each",
        "  more: pytest --sessionguard-explain SG101",
    ]


def test_other_symptoms_on_the_line_are_named():
    assert "  also: SG103, SG202 on the same line" in told(fault(also=("SG103", "SG202")))
    assert not any(line.startswith("  also:") for line in told(fault()))


def test_the_tests_that_showed_it_are_told_when_asked_for():
    tests = ("t1", "t2", "t3", "t4", "t5")
    assert "  shown by: t1, t2, t3 and 2 more" in told(fault(tests=tests), tests=True)
    assert not any("shown by" in line for line in told(fault(tests=tests)))


def test_what_no_test_showed_was_shown_by_the_import():
    assert "  shown by: the import of the tests" in told(fault(), tests=True)


def test_a_deep_stack_is_cut():
    deep = Side("a", "add", tuple(app(line) for line in range(100, 130)))
    assert sum("app.py:" in line for line in told(fault(sides=(deep,)))) <= 5


# -- on the terminal ------------------------------------------------------------------------------


def test_a_failed_test_shows_the_finding_in_full():
    shown = terminal.FindingRepr([fault()], set(), read_line)
    assert str(shown).splitlines()[0] == "SG101 shared-session: used by two"
    assert "  fix: one each" in str(shown)
    assert shown.reprcrash.message == "SG101 db.py:3 used by two"


def test_a_finding_that_was_told_before_is_told_in_short():
    found = fault(fingerprint="f")
    shown = str(terminal.FindingRepr([found], {"f"}, read_line))
    assert shown.startswith(text.verdict(found))
    assert "told in full before" in shown
    assert "fix:" not in shown


def summary(*findings: Finding, notes: tuple[str, ...] = ()) -> list[str]:
    written: list[str] = []
    reporter = SimpleNamespace(
        section=lambda title, **_: written.append(f"= {title}"),
        write_line=lambda line, **_: written.append(line),
    )
    terminal.summary(reporter, list(findings), list(notes), lambda site: "")
    return written


def test_a_clean_run_has_no_summary():
    assert summary() == []


def test_the_summary_tells_each_fault_its_line_and_its_test():
    lines = summary(fault(tests=("test_a", "test_b")))
    assert lines[:2] == ["= sessionguard", "SG101 used by two"]
    assert "mend: db.py:3 in <module>" in lines[2]
    assert "test_a and 1 more" in lines[3]
    assert lines[-1].startswith("1 finding;")


def test_a_fault_that_no_test_has_told_is_told_in_full():
    lines = summary(fault())
    assert any(line.startswith("  mend here: db.py:3") for line in lines)
    assert any(line.startswith("  fix: ") for line in lines)


def test_the_summary_counts_and_has_room_for_notes():
    lines = summary(fault(), fault(level=ADVICE), notes=("something was not seen",))
    assert "something was not seen" in lines
    assert lines[-1].startswith("2 findings;")

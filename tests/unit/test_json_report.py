from __future__ import annotations

import dataclasses
import json

import pytest

from pytest_sessionguard.findings import ADVICE, Finding, Related, Side
from pytest_sessionguard.reports import json_report
from unit.tracing import TraceBuilder, app, in_test, module

PROMISED = {
    "code", "name", "level", "message", "fingerprint", "location", "sides", "related", "fix",
    "tests", "replay", "replay_command",
}  # fmt: skip
RUN = {"tests": 3, "exit_status": 1, "notes": []}


def fault(**changes) -> Finding:
    found = Finding(
        code="SG102", name="overlapping-use", level="error", message="message", why="why",
        fix="fix", site=module(3), fingerprint="0123456789abcdef", also=("SG101",),
        sides=(Side("a", "Session.add()", (app(12), app(40))), Side("b", "forked", ())),
        related=(Related("made here", module(3)),), tests=("test_a", "test_b"),
    )  # fmt: skip
    return dataclasses.replace(found, **changes)


def test_a_finding_has_what_was_promised():
    data = json_report.to_dict(fault())
    assert data.keys() >= PROMISED
    assert data["location"] == {"path": "db.py", "line": 3, "function": "<module>"}
    assert data["related"] == [{"what": "made here", "location": data["location"]}]
    assert data["tests"] == ["test_a", "test_b"]


def test_a_side_has_its_innermost_line_and_its_stack():
    side, _ = json_report.to_dict(fault())["sides"]
    lines = [{"path": "app.py", "line": line, "function": "view"} for line in (12, 40)]
    assert side == {
        "worker": "a",
        "action": "Session.add()",
        "location": lines[0],
        "stack": lines,
    }


def test_a_side_without_a_line_has_no_location():
    _, side = json_report.to_dict(fault())["sides"]
    assert (side["location"], side["stack"]) == (None, [])


def test_an_ordinary_run_has_nothing_to_replay():
    data = json_report.to_dict(fault())
    assert (data["replay"], data["replay_command"]) == (None, None)


def test_a_finding_survives_the_way_through_json():
    sent = json.loads(json.dumps(json_report.to_dict(fault())))
    assert json_report.from_dict(sent) == fault()


def test_the_way_of_a_line_in_the_tests_is_the_same():
    found = fault(site=in_test(5), sides=(Side("the test", "read .name", (in_test(5),)),))
    sent = json_report.to_dict(json_report.from_dict(json_report.to_dict(found)))
    assert sent == json_report.to_dict(found)


def test_the_document_is_format_1():
    document = json_report.document([fault()], [], RUN)
    assert list(document) == ["format", "tool", "environment", "summary", "findings", "searches"]
    assert document["format"] == 1
    assert document["tool"]["name"] == "pytest-sessionguard"
    assert document["environment"]["packages"]["sqlalchemy"]


def test_the_summary_counts_errors_and_advice():
    document = json_report.document([fault(), fault(level=ADVICE), fault(level=ADVICE)], [], RUN)
    summary = document["summary"]
    assert (summary["findings"], summary["errors"], summary["advice"]) == (3, 1, 2)
    assert (summary["tests"], summary["exit_status"]) == (3, 1)


def test_nothing_found_is_a_document_as_well():
    document = json_report.document([], [], RUN)
    assert (document["findings"], document["summary"]["findings"]) == ([], 0)


def test_a_report_is_written_into_folders_that_do_not_exist_yet(tmp_path):
    path = tmp_path / "deep" / "er" / "guard.json"
    json_report.prepare(path)
    json_report.write(path, json_report.document([fault(message="Überlauf")], [], RUN))
    read = json.loads(path.read_text(encoding="utf-8"))
    assert read["findings"][0]["message"] == "Überlauf"


def test_a_path_that_cannot_be_written_is_an_os_error(tmp_path):
    with pytest.raises(OSError, match="guard"):
        (tmp_path / "guard").mkdir()
        json_report.write(tmp_path / "guard", {})


def test_nothing_but_lines_labels_and_fixed_words_is_reported():
    """Events carry no parameters, rows or URLs, so that a report cannot show any."""
    story = TraceBuilder()
    view = story.request("POST /login")
    session = story.session(view, at=3)
    story.check_out(view, story.pool(), session)
    story.end(view)
    story.body_ended()
    text = json.dumps([json_report.to_dict(found) for found in story.judge()])
    assert "SG404" in text
    assert not any(secret in text for secret in ("password", "://", "parameters", "SELECT"))

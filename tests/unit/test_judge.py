from __future__ import annotations

from pytest_sessionguard.events import Site
from pytest_sessionguard.findings import Finding, Rule, finding
from pytest_sessionguard.rules.judge import judge
from pytest_sessionguard.trace import Trace
from unit.tracing import app


def rule(code: str, *sites: Site, message: str = "") -> Rule:
    made: Rule
    made = Rule(
        code, f"name of {code}", "says", "why", "fix",
        lambda trace: [finding(made, message or f"message of {code}", site) for site in sites],
    )  # fmt: skip
    return made


def judged(*rules: Rule) -> list[Finding]:
    return judge(Trace(), rules)


def told(*rules: Rule) -> list[tuple[str, int, tuple[str, ...]]]:
    return [(found.code, found.site.line, found.also) for found in judged(*rules)]


def test_no_rules_no_findings():
    assert judged() == []


def test_symptoms_on_one_line_are_one_finding():
    assert told(rule("SG101", app(3)), rule("SG102", app(3))) == [("SG102", 3, ("SG101",))]


def test_the_most_telling_symptom_is_told_and_the_others_are_listed_in_order():
    rules = [rule(code, app(3)) for code in ("SG202", "SG101", "SG305", "SG103", "SG102")]
    assert told(*rules) == [("SG305", 3, ("SG101", "SG102", "SG103", "SG202"))]


def test_the_order_of_the_rules_does_not_matter():
    rules = [rule(code, app(3)) for code in ("SG101", "SG102", "SG305")]
    assert judged(*rules) == judged(*reversed(rules))


def test_symptoms_on_different_lines_are_two_findings():
    rules = rule("SG101", app(3)), rule("SG102", app(4))
    assert told(*rules) == [("SG101", 3, ()), ("SG102", 4, ())]


def test_the_same_line_of_another_function_is_another_line():
    rules = rule("SG101", app(3, "a")), rule("SG102", app(3, "b"))
    assert len(judged(*rules)) == 2


def test_faults_of_another_kind_are_not_merged():
    rules = rule("SG101", app(3)), rule("SG301", app(3)), rule("SG404", app(3))
    assert told(*rules) == [("SG101", 3, ()), ("SG301", 3, ()), ("SG404", 3, ())]


def test_one_rule_tells_a_line_once_and_its_first_message_stays():
    first = rule("SG404", app(3), message="first")
    second = rule("SG404", app(3), message="second")
    assert [found.message for found in judged(first, second)] == ["first"]


def test_findings_come_in_the_order_of_file_line_and_code():
    other = Site("a.py", 90, "view")
    rules = rule("SG404", app(20), app(3)), rule("SG302", app(3), other)
    assert [(found.site.path, found.site.line, found.code) for found in judged(*rules)] == [
        ("a.py", 90, "SG302"),
        ("app.py", 3, "SG302"),
        ("app.py", 3, "SG404"),
        ("app.py", 20, "SG404"),
    ]

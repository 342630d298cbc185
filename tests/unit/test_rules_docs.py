from __future__ import annotations

from pathlib import Path

import pytest

from pytest_sessionguard.findings import ADVICE, ERROR
from pytest_sessionguard.pages import page
from pytest_sessionguard.rules import RULES
from pytest_sessionguard.settings import CODES

PAGES = Path(__file__).resolve().parents[2] / "docs" / "rules"


def test_the_settings_know_the_rules_that_there_are():
    assert tuple(CODES) == tuple(RULES)


def test_there_is_no_page_without_a_rule():
    assert {path.stem for path in PAGES.glob("SG*.md")} == set(RULES)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_page_begins_with_code_and_name(rule):
    text = (PAGES / f"{rule.code}.md").read_text(encoding="utf-8")
    assert text.splitlines()[0] == f"# {rule.code} {rule.name}"
    assert page(rule.code.lower()) == text


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_page_tells_how_to_mend_it_and_when_it_is_silent(rule):
    headings = [line for line in page(rule.code).splitlines() if line.startswith("## ")]
    assert "## Mend it" in headings
    assert "## When it is silent" in headings


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_rule_says_why_and_how_to_mend_it(rule):
    assert rule.level in (ERROR, ADVICE)
    assert "\n" not in rule.says
    assert rule.why.endswith(".")
    assert rule.fix.endswith(".")


@pytest.mark.parametrize("code", RULES)
def test_the_index_leads_to_the_page(code):
    assert f"({code}.md)" in (PAGES / "index.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("code", ["SG999", "SG", ""])
def test_there_is_no_page_for_an_unknown_code(code):
    with pytest.raises(LookupError):
        page(code)

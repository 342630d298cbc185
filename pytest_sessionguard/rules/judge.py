"""All rules over one trace, and one finding where several rules name one line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from pytest_sessionguard.events import Site
from pytest_sessionguard.findings import Finding, Rule
from pytest_sessionguard.trace import Trace

# Symptoms of one fault, the most telling first.
_SYMPTOMS = ("SG303", "SG305", "SG102", "SG101", "SG103", "SG202", "SG201")


def judge(trace: Trace, rules: Iterable[Rule]) -> list[Finding]:
    """What the rules find, each fault once, in the order of file, line and code."""
    found: dict[tuple[str, Site], Finding] = {}
    for rule in rules:
        for finding in rule.check(trace):
            found.setdefault((finding.code, finding.site), finding)
    merged = _unexplained(_fold(list(_merge(found.values()))))
    return sorted(merged, key=lambda f: (f.site.path, f.site.line, f.code))


def _unexplained(findings: list[Finding]) -> list[Finding]:
    """That an order fails is told alone: beside it, another finding is the reason."""
    reasons = [finding for finding in findings if finding.code != "SG901"]
    return reasons or findings


def _fold(findings: list[Finding]) -> list[Finding]:
    """A scope that is too coarse explains everything else that happens to the Session it shares."""
    scopes = [finding for finding in findings if finding.code == "SG303"]
    folded = {id(scope): set(scope.also) for scope in scopes}
    kept = []
    for finding in findings:
        cause = next((scope for scope in scopes if _explains(scope, finding)), None)
        if cause is None:
            kept.append(finding)
        else:
            folded[id(cause)].add(finding.code)
    return [
        replace(finding, also=tuple(sorted(folded[id(finding)])))
        if id(finding) in folded
        else finding
        for finding in kept
    ]


def _explains(scope: Finding, finding: Finding) -> bool:
    symptom = finding.code in _SYMPTOMS and finding.code != "SG303"
    return symptom and not set(scope.subjects).isdisjoint(finding.subjects)


def _merge(findings: Iterable[Finding]) -> Iterator[Finding]:
    by_site: dict[Site, list[Finding]] = {}
    for finding in findings:
        if finding.code in _SYMPTOMS:
            by_site.setdefault(finding.site, []).append(finding)
        else:
            yield finding
    for symptoms in by_site.values():
        symptoms.sort(key=lambda f: _SYMPTOMS.index(f.code))
        main, *others = symptoms
        yield replace(main, also=tuple(sorted({f.code for f in others})))

"""A finding in words: the verdict first, then the line to mend, both sides, why, fix."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator

from pytest_sessionguard.events import Site
from pytest_sessionguard.findings import Finding, Side

Line = tuple[str, dict[str, bool]]
ReadLine = Callable[[Site], str]
WIDTH = 92


def place(site: Site) -> str:
    """``path:line in function``."""
    return f"{site.path}:{site.line} in {site.function}"


def verdict(finding: Finding) -> str:
    """One line: the code, the line to mend, and what is wrong there."""
    return f"{finding.code} {finding.site.path}:{finding.site.line} {finding.message}"


def replay_command(token: str) -> str:
    """The line to paste."""
    return f"pytest -p sessionguard --sessionguard-replay={token}"


def lines(finding: Finding, read_line: ReadLine, tests: bool = False) -> Iterator[Line]:
    """The finding as lines with their markup for pytest's terminal writer."""
    yield f"{finding.code} {finding.name}: {finding.message}", {"red": True, "bold": True}
    yield "", {}
    yield from _source("mend here", finding.site, read_line, {"bold": True})
    for letter, side in zip("ABCDEFGH", finding.sides, strict=False):
        yield from _side(letter, side, read_line)
    for line in finding.related:
        yield from _source(line.what, line.site, read_line, {})
    if finding.also:
        yield f"  also: {', '.join(finding.also)} on the same line", {}
    yield from _paragraph("why", finding.why, {})
    yield from _paragraph("fix", finding.fix, {"green": True})
    if tests:
        yield f"  shown by: {_some(finding.tests)}", {}
    if finding.replay:
        yield f"  replay: {replay_command(finding.replay)}", {"bold": True}
    yield f"  more: pytest --sessionguard-explain {finding.code}", {}


def _paragraph(head: str, text: str, markup: dict[str, bool]) -> Iterator[Line]:
    wrapped = textwrap.wrap(f"{head}: {text}", WIDTH, break_long_words=False)
    for number, line in enumerate(wrapped):
        yield f"  {line}" if number == 0 else f"       {line}", markup


def _side(letter: str, side: Side, read_line: ReadLine) -> Iterator[Line]:
    yield f"  {letter}: {side.worker}: {side.action}", {"bold": True}
    for site in side.stack[:4]:
        yield f"       {place(site)}", {}
        text = read_line(site).strip()
        if text:
            yield f"         {text}", {}


def _source(what: str, site: Site, read_line: ReadLine, markup: dict[str, bool]) -> Iterator[Line]:
    yield f"  {what}: {place(site)}", markup
    text = read_line(site).strip()
    if text:
        yield f"         {text}", {}


def _some(tests: tuple[str, ...], most: int = 3) -> str:
    shown = ", ".join(tests[:most])
    return (
        f"{shown} and {len(tests) - most} more"
        if len(tests) > most
        else shown or "the import of the tests"
    )

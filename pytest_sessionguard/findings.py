"""Findings: what a rule found, where it is to be mended, and who took part."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from pytest_sessionguard.events import Site, Stack
from pytest_sessionguard.trace import Trace

ERROR = "error"
ADVICE = "advice"


@dataclass(frozen=True, slots=True)
class Side:
    """One party: whose unit of work it was, what it did, and the lines, innermost first."""

    worker: str
    action: str
    stack: Stack


@dataclass(frozen=True, slots=True)
class Related:
    """Another line that helps: where the session was made, who detached the object."""

    what: str
    site: Site


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault. ``site`` is the line to mend; ``also`` the codes of other symptoms on that line.

    ``subjects`` are the tokens of the session and the registry that it is about; ``replay`` is the
    replay token of the execution that showed it, empty for an ordinary run.
    """

    code: str
    name: str
    level: str
    message: str
    why: str
    fix: str
    site: Site
    sides: tuple[Side, ...] = ()
    related: tuple[Related, ...] = ()
    subjects: tuple[int, ...] = ()
    also: tuple[str, ...] = ()
    fingerprint: str = ""
    tests: tuple[str, ...] = ()
    replay: str = ""

    def identified(self, line: str) -> Finding:
        """The same finding with a fingerprint that survives line moves.

        ``line`` is the text of the line to mend: with the code, the file and the function it
        tells faults apart, and it moves along.
        """
        # Whether unordered uses overlap is chance: it must not change the fingerprint.
        family = "SG10" if self.code in ("SG101", "SG102", "SG103") else self.code
        parts = (family, self.site.path, self.site.function, line.strip())
        digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
        return replace(self, fingerprint=digest)

    def with_tests(self, tests: Iterable[str]) -> Finding:
        """The same finding, shown by these tests as well."""
        return replace(self, tests=tuple(sorted({*self.tests, *tests})))


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: a pure function of a trace, and what it tells the user.

    ``says`` is one line for lists, ``why`` explains the mechanism, ``fix`` says how to mend it.
    """

    code: str
    name: str
    says: str
    why: str
    fix: str
    check: Callable[[Trace], Iterable[Finding]]
    level: str = ERROR


def finding(
    rule: Rule,
    message: str,
    site: Site,
    sides: Iterable[Side] = (),
    related: Iterable[Related] = (),
    subjects: Iterable[int | None] = (),
) -> Finding:
    """A finding of ``rule``."""
    return Finding(
        rule.code, rule.name, rule.level, message, rule.why, rule.fix, site,
        tuple(sides), tuple(related), tuple(token for token in subjects if token is not None),
    )  # fmt: skip

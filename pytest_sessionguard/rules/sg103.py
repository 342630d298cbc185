"""SG103 shared-instance: an instance of one worker's Session loaded or changed by another."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_sessionguard.findings import Finding, Rule
from pytest_sessionguard.rules.sharing import findings_of, interleaved_findings
from pytest_sessionguard.trace import Trace


def check(trace: Trace) -> Iterable[Finding]:
    """Conflicts in which a side came through an attribute of an instance."""
    yield from findings_of(
        RULE, trace,
        "an instance of {session} is loaded or changed by one of {a} and {b} while the other goes on "
        "with the Session ({reason})",
    )  # fmt: skip
    yield from interleaved_findings(RULE, trace, "instance")


RULE = Rule(
    code="SG103",
    name="shared-instance",
    says="an instance of one worker's Session changed or lazily loaded by another",
    why=(
        "An ORM instance is a part of its Session: reading an expired or unloaded attribute runs a "
        "query on that Session, and setting one marks it dirty there, whoever does it."
    ),
    fix=(
        "Pass plain values (an id, a dict, a dataclass) to concurrent work and load the object there "
        "in a Session of its own, or `merge()` it there."
    ),
    check=check,
)

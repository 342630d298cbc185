"""SG102 overlapping-use: an operation began while another ran on the same Session."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_sessionguard.findings import Finding, Rule
from pytest_sessionguard.rules.sharing import findings_of
from pytest_sessionguard.trace import Trace


def check(trace: Trace) -> Iterable[Finding]:
    """Conflicts whose second operation began before the first had ended."""
    return findings_of(
        RULE,
        trace,
        "{b} began an operation on {session} while one of {a} was still running ({reason})",
    )


RULE = Rule(
    code="SG102",
    name="overlapping-use",
    says="an operation began while another was running on the same Session",
    why=(
        "A Session is not safe for concurrent use. SQLAlchemy notices an overlap only in a few "
        "places (while it provisions a connection, or flushes); elsewhere nothing is raised, and "
        "rows or writes are lost."
    ),
    fix=(
        "Let one operation end before the next begins, or open a Session inside each task, thread or "
        "greenlet: `async with async_session() as session:` in the coroutine that is gathered."
    ),
    check=check,
)

"""What the conflicts on one session amount to: which rule says it, and at which line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pytest_sessionguard import events as ev
from pytest_sessionguard.findings import Finding, Related, Rule, Side, finding
from pytest_sessionguard.rules import leases
from pytest_sessionguard.rules.blame import (
    Blame,
    blame,
    common_registry,
    escaped_at,
    kept_at,
    made_here,
    session_label,
    side,
)
from pytest_sessionguard.rules.conflicts import Conflict, conflicts
from pytest_sessionguard.trace import Trace, Use

LETTING_GO = frozenset({"close", "reset", "invalidate", "expunge_all", "expunge", "rollback"})
ENDINGS = frozenset({"close", "reset", "invalidate"})


class Shared(NamedTuple):
    """One conflict, the code of the rule that says it, and whom it blames."""

    code: str
    conflict: Conflict
    blame: Blame


def shared(trace: Trace) -> list[Shared]:
    """Every conflict with its code; worked out once for the rules that share it."""
    return trace.derive(_shared)


def _shared(trace: Trace) -> list[Shared]:
    return [
        classify(trace, conflict)
        for of_session in conflicts(trace).values()
        for conflict in of_session
    ]


def classify(trace: Trace, conflict: Conflict) -> Shared:
    """The most telling code: a wrong scope, an end that came too early, else how it was used."""
    registry = common_registry(trace, conflict)
    if registry is not None and registry.stack:
        return Shared("SG303", conflict, Blame(registry.stack[0], "one scope for both"))
    line = blame(trace, conflict)
    if _outlives(trace, conflict):
        return Shared("SG305", conflict, line)
    if conflict.overlapping:
        return Shared("SG102", conflict, line)
    if any(_has_instance_only(trace, conflict.session, use) for use in conflict[1:3]):
        return Shared("SG103", conflict, line)
    return Shared("SG101", conflict, line)


def _has_instance_only(trace: Trace, session: int, use: Use) -> bool:
    """Whether this strand touches the Session only through instances of it."""
    strand = use.began.strand
    own = [each for each in trace.uses[session] if each.began.strand == strand]
    return all(each.began.via == "instance" for each in own)


def _outlives(trace: Trace, conflict: Conflict) -> bool:
    """Whether the second use came when the session's owner had closed it or had ended.

    The owner is the strand that was not given the session when it was started.
    """
    strand = conflict.second.began.strand
    if (strand, conflict.session) not in trace.handed or conflict.second.began.action in ENDINGS:
        return False
    return any(
        use.began.action in ENDINGS
        and use.began.strand != strand
        and use.ended_at < conflict.second.at
        for use in trace.uses[conflict.session]
    )


def findings_of(rule: Rule, trace: Trace, message: str) -> list[Finding]:
    """The findings of ``rule`` among the conflicts: one for each line to mend."""
    found: dict[tuple[ev.Site, int], Finding] = {}
    for each in shared(trace):
        key = (each.blame.site, 0)
        if each.code == rule.code and key not in found:
            found[key] = _finding(rule, trace, each, message)
    return list(found.values())


def _finding(rule: Rule, trace: Trace, each: Shared, message: str) -> Finding:
    conflict = each.conflict
    first, second = side(trace, conflict.first), side(trace, conflict.second)
    text = message.format(
        session=session_label(trace, conflict.session), a=first.worker, b=second.worker,
        reason=each.blame.reason,
    )  # fmt: skip
    text = _held_once(trace, conflict.session, text)
    related = list(made_here(trace, conflict.session, each.blame.site))
    registry = common_registry(trace, conflict)
    subjects = (conflict.session, registry.registry if registry is not None else None)
    return finding(rule, text, each.blame.site, (first, second), related, subjects)


def _held_once(trace: Trace, session: int, text: str) -> str:
    """The verdict, without the holder in brackets where the session's label has told it."""
    held = trace.published.get(session)
    if held is None:
        return text
    told = f"held by {held.holder}"
    if text.count(told) < 2:
        return text
    return text.removesuffix(f" ({told})").replace(f" and {told})", ")")


def interleaved_findings(rule: Rule, trace: Trace, via: str) -> Iterator[Finding]:
    """Sessions in which two living requests met, the second one ``via`` session or instance."""
    for met in leases.interleaved(trace):
        if met.end.began.via != via:
            continue
        if leases.registry_of(trace, met.session) and leases.looked_up_by_both(trace, met):
            continue
        line = kept_at(trace, met.end.began.number, met.session) or escaped_at(trace, met.session)
        pair = sides(trace, met.use, met.end)
        subject = "an instance of " if via == "instance" else ""
        message = (
            f"{subject}{session_label(trace, met.session)} is used by {pair[0].worker} and by "
            f"{pair[1].worker}, which are both under way ({line.reason})"
        )
        message = _held_once(trace, met.session, message)
        lines = made_here(trace, met.session, line.site)
        yield finding(rule, message, line.site, pair, lines, (met.session,))


def sides(trace: Trace, *uses: Use) -> tuple[Side, ...]:
    """Uses as sides."""
    return tuple(side(trace, use) for use in uses)


def related(what: str, stack: ev.Stack) -> tuple[Related, ...]:
    """A related line, if there is one."""
    return (Related(what, stack[0]),) if stack else ()

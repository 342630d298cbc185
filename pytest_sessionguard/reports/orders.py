"""How much of a test's orders was tried, in words. What was cut off is never called proven."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_INCONCLUSIVE = {
    "uncontrolled waits": "inconclusive: a worker waited for something that the guard does not know",
    "drift": "inconclusive: one and the same order of the workers went two ways",
}
_NO_SEARCH = ("replay", "outcome")


def told(search: dict[str, Any]) -> str:
    """What an entry of the report's ``searches`` comes to."""
    executions, cut = search["executions"], search["cut"]
    if search["first_finding"] is not None:
        return f"failed in execution {search['first_finding']}"
    if cut in _NO_SEARCH:
        return _counted(executions, "execution")
    if cut == "schedules":
        return f"{_of_about(search)}; raise --sessionguard-schedules"
    if cut in _INCONCLUSIVE:
        return f"{_counted(executions, 'execution')}, {_INCONCLUSIVE[cut]}"
    bound = "" if cut is None else f" up to {_counted(search['preemptions'], 'preemption')}"
    return f"{_all(search['classes'])}{bound}"


def is_cut(search: dict[str, Any]) -> bool:
    """Whether there are orders that a budget, or what cannot be controlled, kept from being tried."""
    return search["cut"] is not None and search["cut"] not in _NO_SEARCH


def in_short(searches: Iterable[dict[str, Any]]) -> str | None:
    """One line for all searches of a run that ended without a finding; None if there were none."""
    silent = [each for each in searches if each["first_finding"] is None]
    silent = [each for each in silent if each["cut"] not in _NO_SEARCH]
    cut = [each for each in silent if is_cut(each)]
    if not silent:
        return None
    tests = _counted(len(silent), "test")
    if not cut:
        orders = sum(each["classes"] for each in silent)
        return f"sessionguard: {tests} searched, {_all(orders)}"
    first = f"{cut[0]['test']}: {told(cut[0])}"
    more = f" (and {len(cut) - 1} more, told with -v)" if len(cut) > 1 else ""
    return f"sessionguard: {tests} searched, {len(cut)} not to the end: {first}{more}"


def gate(searches: Iterable[dict[str, Any]]) -> str | None:
    """What to say when searches had to be complete; None when they were."""
    cut = [each for each in searches if is_cut(each)]
    if not cut:
        return None
    first = f"{cut[0]['test']}: {told(cut[0])}"
    more = f" (and {len(cut) - 1} more)" if len(cut) > 1 else ""
    return (
        f"sessionguard: --sessionguard-require-complete: not all orders were tried of {first}{more}"
    )


def _of_about(search: dict[str, Any]) -> str:
    executions, estimate = search["executions"], search["estimate"]
    if estimate is None:
        return f"{_counted(executions, 'execution')}, and there are more"
    return f"{executions} of about {max(estimate, executions + 1)}"


def _all(orders: int) -> str:
    return "the one distinct order" if orders == 1 else f"all {orders} distinct orders"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"

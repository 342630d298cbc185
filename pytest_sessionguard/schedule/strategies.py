"""The strategies by name."""

from __future__ import annotations

from pytest_sessionguard.schedule.bounded import Bounded
from pytest_sessionguard.schedule.pct import Pct
from pytest_sessionguard.schedule.reduced import Reduced
from pytest_sessionguard.schedule.strategy import Strategy
from pytest_sessionguard.schedule.systematic import Systematic
from pytest_sessionguard.schedule.uniform import Uniform

PREEMPTIONS = 2
"""The bound of the plain bounded search, unless the test gives another."""


def make(name: str, seed: int, preemptions: int | None) -> Strategy:
    """A strategy; ``preemptions`` is None where the test does not bound them."""
    if name == "pct":
        return Pct(seed)
    if name == "random":
        return Uniform(seed)
    if name == "bounded":
        return Bounded(PREEMPTIONS if preemptions is None else preemptions)
    return Reduced(preemptions) if name == "reduced" else Systematic(seed, preemptions)

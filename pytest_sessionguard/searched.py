"""Which tests are searched: known without the search itself, which most runs never import."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_sessionguard.concurrency import FIXTURE, MARKER, Concurrency

if TYPE_CHECKING:
    from pytest_sessionguard.search import Search

ASKED_FOR_LATE = (
    "concurrently: name it among the arguments of the test; a test that asks for it "
    "with getfixturevalue() cannot be run again for each schedule"
)

SHOWN = "sessionguard_search"
"""The attribute of a test report that carries the search to the process that reports."""

SEARCH: pytest.StashKey[Search] = pytest.StashKey()
"""The search that a test is part of, while it runs."""


def concurrency_of(item: pytest.Item, default: Concurrency) -> Concurrency | None:
    """What the test asks for; None when it is an ordinary one. Raises ValueError."""
    marker = item.get_closest_marker(MARKER)
    if marker is not None:
        return default.marked(marker.args, marker.kwargs)
    return default if FIXTURE in getattr(item, "fixturenames", ()) else None

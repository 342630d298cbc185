"""Sessions that a thread still works with when the execution that started it is over.

They are left alone: SQLite may crash when a connection is closed in the middle of a statement.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from pytest_sessionguard.events import Stack
from pytest_sessionguard.isolate import drivers
from pytest_sessionguard.observe.session_state import KEY, SessionState
from pytest_sessionguard.observe.strand import Strand

PATIENCE = 5.0
"""Seconds for threads to come to the end of what they do with a Session."""

GRACE = 0.2
"""Seconds for them to close it; after that, one between two operations may sleep for ever."""


def end(
    left: Callable[[], list[Any]], own: Strand, roll_back: Callable[[list[Any]], None]
) -> Stack:
    """Roll back the Sessions that are ``left``, each when no thread but ``own`` works with it.

    Returns where a thread still does, if it does not end.
    """
    began = time.monotonic()
    while True:
        waited = time.monotonic() - began
        sessions = left()
        used = [each for each in sessions if _is_used(_state(each), own, waited < GRACE)]
        roll_back([each for each in sessions if each not in used])
        if not used or waited > PATIENCE:
            return _state(used[0]).stack if used else ()
        drivers.pause(0.005)


def _state(session: Any) -> Any:
    return session.__dict__.get(KEY)


def _is_used(state: SessionState | None, own: Strand, between: bool) -> bool:
    """Whether a thread is in the middle of an operation, or (``between``) may begin another one."""
    users = (*state.inside, *([state.user] if between else [])) if state is not None else ()
    return any(user is not None and _is_other_thread(user, own) for user in users)


def _is_other_thread(strand: Strand, own: Strand) -> bool:
    return strand is not own and strand.kind in ("thread", "job") and not strand.ended

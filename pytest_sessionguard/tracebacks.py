"""The user's traceback without the frames of the guard.

A worker's error has come through the thread that ran it and the fixture that raised it again. Who
reads it wants to see the test and the app; ``--full-trace`` shows all.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any

import pytest

from pytest_sessionguard.events import Site
from pytest_sessionguard.observe import Frames

_OWN = "pytest_sessionguard"
_RUNNERS = ("_pytest", "pluggy", "pytest", "unittest")


def cleaned(excinfo: pytest.ExceptionInfo[Any]) -> pytest.ExceptionInfo[Any]:
    """The same exception; its traceback, and those of what led to it, are without our frames."""
    error = excinfo.value
    before = error.__traceback__
    _clean(error, set())
    if error.__traceback__ is None:
        error.__traceback__ = before  # pytest shows no exception without one
    return pytest.ExceptionInfo.from_exception(error)


def raised_at(error: BaseException, frames: Frames) -> Site | None:
    """The innermost line of the user's that an exception passed, the first one's of a group."""
    members = _members(error)
    if members:
        return raised_at(members[0], frames)
    for each in reversed(_frames(error.__traceback__)):
        code = each.tb_frame.f_code
        site = frames.site_of(code.co_filename, each.tb_lineno, code.co_qualname)
        if site.role in ("app", "test"):
            return site
    return None


def _clean(error: BaseException, seen: set[int]) -> None:
    if id(error) in seen:
        return
    seen.add(id(error))
    for other in (error.__cause__, error.__context__, *_members(error)):
        if other is not None:
            _clean(other, seen)
    frames = _frames(error.__traceback__)
    kept = [each for each in frames if _root(each) != _OWN]
    if len(kept) == len(frames):
        return
    error.__traceback__ = _chained(kept)
    if kept and _members(error) and _root(kept[-1]) in _RUNNERS:
        # The body of a marked test: nothing of the user's stands above the workers. Without a
        # line of the test pytest would show itself.
        error.__traceback__ = _first_line(error) or error.__traceback__


def _members(error: BaseException) -> tuple[BaseException, ...]:
    return error.exceptions if isinstance(error, BaseExceptionGroup) else ()


def _first_line(error: BaseException) -> TracebackType | None:
    for member in _members(error):
        frames = _frames(member.__traceback__)
        if frames:
            return _chained(frames[:1])
    return None


def _frames(traceback: TracebackType | None) -> list[TracebackType]:
    found = []
    while traceback is not None:
        found.append(traceback)
        traceback = traceback.tb_next
    return found


def _chained(frames: list[TracebackType]) -> TracebackType | None:
    chain = None
    for each in reversed(frames):
        chain = TracebackType(chain, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return chain


def _root(entry: TracebackType) -> str:
    return str(entry.tb_frame.f_globals.get("__name__", "")).partition(".")[0]

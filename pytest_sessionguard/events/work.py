"""Workers and strands: whose unit of work it was, and what the interpreter ran."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pytest_sessionguard.events.places import Site, Stack


class WorkerBegan(NamedTuple):
    """A unit of work: the test, or a request, context, thread, greenlet, task or job (``kind``).

    ``inside_test_context`` tells a request that the test sent within an application context of
    its own: nothing ends at the request's end then, and the test owns the scope.
    """

    worker: int
    kind: str
    label: str
    parent: int | None
    site: Site | None
    inside_test_context: bool = False


class WorkerEnded(NamedTuple):
    """A request answered, a nested context popped, a thread, greenlet, task or job finished."""

    worker: int


class StrandBegan(NamedTuple):
    """A strand met for the first time in this trace: thread, greenlet, task, job or callback.

    ``spawned`` is the line where its function met its arguments, and the lines around it;
    ``seen`` the clock with which it started.
    """

    strand: int
    kind: str
    label: str
    parent: int | None
    worker: int
    spawned: Stack
    seen: Mapping[int, int]


class StrandEnded(NamedTuple):
    """A thread, greenlet, task or job has run to its end."""

    strand: int


class Handed(NamedTuple):
    """A strand was given a session (or an instance of it) in arguments, closure or ``self``."""

    strand: int
    session: int
    site: Site

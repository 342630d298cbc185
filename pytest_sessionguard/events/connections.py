"""Pools and their connections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pytest_sessionguard.events.places import Stack


class PoolMade(NamedTuple):
    """A connection pool; ``limit`` is the most it gives out at once, None for no limit."""

    pool: int
    kind: str
    limit: int | None
    shared: bool
    """one connection serves everybody (StaticPool, SingletonThreadPool)"""


class CheckedOut(NamedTuple):
    """A connection left its pool, on behalf of ``session`` when a session operation asked for it.

    ``tick`` is the operation's place among its strand's, ``seen`` the strand's clock, ``locks``
    the user's locks it held.
    """

    connection: int
    pool: int
    session: int | None
    strand: int
    worker: int
    stack: Stack
    tick: int = 0
    seen: Mapping[int, int] = {}
    locks: frozenset[int] = frozenset()


class CheckedIn(NamedTuple):
    """A connection came back; ``by_collector`` when nothing but the garbage collector returned it."""

    connection: int
    pool: int
    by_collector: bool

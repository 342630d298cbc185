"""Instances: attached elsewhere, detached, and read afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pytest_sessionguard.events.places import Site, Stack


class Kept(NamedTuple):
    """Who keeps the instance that was asked for in the event or operation with this ``number``.

    ``holder`` is a name of the app's, ``sites`` are the lines that may have stored it there.
    """

    number: int
    session: int | None
    holder: str
    sites: Stack


class ForeignAttach(NamedTuple):
    """An instance was added to ``session`` while it was in ``home``."""

    session: int
    home: int
    instance: str
    strand: int
    worker: int
    stack: Stack
    number: int = 0


class DetachedAccess(NamedTuple):
    """DetachedInstanceError was raised: ``attribute`` of a detached ``instance`` was asked for."""

    number: int
    instance: str
    attribute: str
    strand: int
    worker: int
    stack: Stack
    seen: Mapping[int, int]
    session: int | None = None
    detached: int | None = None
    """number of the operation that detached it, if it was seen"""


class LostChange(NamedTuple):
    """A column of a detached instance was set by work that had been given the instance at ``site``.

    Strand ``given_to`` was given it, at the moment ``given``; the operation ``detached`` took it out
    of ``session``. ``loaded_anew``: the strand has the same row in another session.
    """

    number: int
    instance: str
    attribute: str
    strand: int
    worker: int
    stack: Stack
    session: int
    detached: int
    given_to: int
    given: int
    site: Site
    loaded_anew: bool = False


class Recovered(NamedTuple):
    """What had been refused with this ``number`` was dealt with.

    The instance of a DetachedAccess was attached or merged, or its row loaded anew; that of a
    ForeignAttach was merged, or taken out of the other session first.
    """

    number: int


class Detached(NamedTuple):
    """Operation ``number`` took instances out of their session."""

    number: int
    session: int
    strand: int
    worker: int
    stack: Stack

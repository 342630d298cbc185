"""Sessions that one request after the other puts into the same place.

Each request makes its own and closes it. But a module's variable or an attribute of the one service
is everybody's: of two requests at once, both find there the Session that came last.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from pytest_sessionguard import events as ev
from pytest_sessionguard.observe import keeping, reach, sqla
from pytest_sessionguard.observe.keepers import Keepers
from pytest_sessionguard.observe.keeping import Node
from pytest_sessionguard.observe.lasting import Lasting, view_of
from pytest_sessionguard.observe.recorder import Recorder
from pytest_sessionguard.observe.session_state import SessionState
from pytest_sessionguard.observe.sessions import Sessions
from pytest_sessionguard.observe.strand import Strand

_MOST = 3  # looks for a line that makes Sessions, in a run; each is one at every object there is
_NAMED = ("variable", "attribute", "key")


class Place(NamedTuple):
    """Names that lead from a module, a class or the application to where a Session is kept."""

    root: Any
    steps: tuple[tuple[str, str], ...]
    holder: str
    sites: ev.Stack
    earlier: SessionState


class Replacing:
    """Asks where a request's Session went whose predecessor is kept beyond its request."""

    def __init__(
        self, recorder: Recorder, sessions: Sessions, lasting: Lasting, keepers: Keepers
    ) -> None:
        self.recorder = recorder
        self.lasting = lasting
        self.keepers = keepers
        self._last: dict[ev.Site, SessionState] = {}
        self._looks: Counter[ev.Site] = Counter()
        self._places: dict[int, Place] = {}
        sessions.making = self.made
        sessions.closing.append(self.closing)

    def made(self, state: SessionState) -> None:
        """A request has made a Session: does somebody keep the last one that this line made?"""
        if not state.made.stack or self.recorder.scheduler is not None:
            return
        site = state.made.stack[0]
        last, self._last[site] = self._last.get(site), state
        if last is None or last.made_in != state.made_in or self._looks[site] >= _MOST:
            return
        kept = last.session()
        if kept is not None and last.made.worker != state.made.worker:
            self._looks[site] += 1
            place = self._place_of(kept, last)
            if place is not None:
                self._places[state.token] = place

    def _place_of(self, session: Any, state: SessionState) -> Place | None:
        with keeping.thawed():
            found = self.lasting.place_of(session)
        view = view_of(found) if found is not None else None
        found = view.below if view is not None else found  # below the object whose method it is
        if found is None or any(node.kind not in _NAMED for node in found.chain()):
            return None
        sites = tuple(site for each in self.keepers.every_store(found) for site in each)
        return Place(found.thing, _steps(found), keeping.name_of(found), sites, state)

    def closing(self, state: SessionState, strand: Strand, number: int) -> None:
        """A Session is closed: is it where the last one was?"""
        place = self._places.pop(state.token, None)
        session = state.session()
        if place is not None and session is not None and _follow(place) is session:
            self.recorder.trace.note(
                ev.Replaced(state.token, place.earlier.token, place.holder, place.sites)
            )


def _steps(found: Node) -> tuple[tuple[str, str], ...]:
    return tuple((node.kind, node.name) for node in reversed(found.chain()))


def _follow(place: Place) -> Any:
    """What is there now; an asynchronous Session counts as the one that it works with."""
    thing = place.root
    for kind, name in place.steps:
        names = thing if kind == "key" else _attributes(thing)
        if not isinstance(names, dict) or name not in names:
            return None
        thing = dict.__getitem__(names, name)
    return sqla.sync_session(thing)


def _attributes(thing: Any) -> dict[str, Any]:
    if isinstance(thing, type):
        return dict(vars(thing))
    return dict(reach.slots(thing)) | sqla.own_attributes(thing)

"""Sessions that the app reaches by names alone, request after request.

A module's variable, a class, the application object, a cached function without parameters: what is
kept there serves everybody. What lies under a key that is worked out (a thread's number, a client's
token), in a list, a thread-local or a context may be somebody's own, and is left out.
"""

from __future__ import annotations

import functools
import gc
import re
import threading
import types
from typing import Any

from pytest_sessionguard import events as ev
from pytest_sessionguard.observe import keeping
from pytest_sessionguard.observe.frameworks import APPLICATIONS
from pytest_sessionguard.observe.keepers import Keepers, source_of
from pytest_sessionguard.observe.keeping import Node
from pytest_sessionguard.observe.recorder import Recorder
from pytest_sessionguard.observe.session_state import SessionState
from pytest_sessionguard.observe.sessions import Sessions
from pytest_sessionguard.observe.stores import stores
from pytest_sessionguard.observe.strands import NATIVE_LOCAL

_MOST = 8  # Sessions in a test; each costs a look at every object of the process
_OVERRIDES = "dependency_overrides"  # FastAPI's, for tests: what is put there is the test's


class Lasting:
    """Looks up where Sessions are kept that several requests used and that no registry made."""

    def __init__(self, recorder: Recorder, sessions: Sessions, keepers: Keepers) -> None:
        self.recorder = recorder
        self.sessions = sessions
        self.keepers = keepers
        self._looked = (-1, set[int]())
        self._written: dict[tuple[str, int], bool] = {}

    def candidates(self) -> list[SessionState]:
        """Plain Sessions of the app that more than one request of this test used, not yet looked up."""
        epoch = self.recorder.epoch.number
        if self._looked[0] != epoch:
            self._looked = (epoch, set())
        return [
            state
            for state in list(self.sessions.in_use.values())
            if state.announced == epoch
            and len(state.requests) > 1
            and state.registry is None
            and state.made.origin == "app"
            and state.token not in self._looked[1]
            and len(self._looked[1]) < _MOST
        ]

    def publish(self) -> None:
        """Note how the app reaches each of them, where it does by names alone.

        Asked when a second request has used one: the app may have gone when the test's body has.
        """
        for state in self.candidates():
            self._looked[1].add(state.token)
            session = state.session()
            if session is not None:
                with keeping.thawed():
                    self._publish(session, state.token)

    def place_of(self, session: Any) -> Node | None:
        """Where the app keeps it, if it does so by names alone; not what a test has arranged."""
        found: Node | None = None
        for node in keeping.ways_up(session, self._goes_on):
            if node.name == _OVERRIDES or self._is_tests(node):
                return None
            if found is None and self._is_fixed(node):
                found = node
        return found

    def _publish(self, session: Any, token: int) -> None:
        found = self.place_of(session)
        if found is not None:
            view = view_of(found)
            holder, by_name = keeping.name_of(found), found.kind != "closure" and view is None
            found = view.below if view is not None and view.below is not None else found
            lines = self.keepers.every_store(found)
            every = tuple(site for each in lines for site in each)
            outermost = (
                self._outermost(found, lines) if view is None else self.keepers.passed(view.thing)
            )
            own = _is_in_application(type(found.thing), outermost)
            self.recorder.trace.note(ev.Lasting(token, holder, by_name, every, outermost, own))

    def _outermost(self, found: Node, lines: list[ev.Stack]) -> ev.Stack:
        """The lines of the last name that is no slot which the framework itself has made."""
        names = [node for node in found.chain() if node.name]
        for node, stored in zip(reversed(names), reversed(lines), strict=False):
            if stored or not (self._is_library(node) and _is_frameworks(node)):
                return stored
        return ()

    def _is_library(self, node: Node) -> bool:
        return self.recorder.frames.roles[keeping.owner_file(node)] not in ("app", "test")

    def _goes_on(self, node: Node) -> bool:
        """Whether the way up matters beyond this; a closure may yet be the test's to give away.

        Above the application it does not: every test has that by a name.
        """
        if not _may_pass(node) or _is_application(type(node.thing)):
            return False
        return node.kind == "closure" or not self._is_fixed(node)

    def _is_tests(self, node: Node) -> bool:
        """Whether the test itself holds it, by a name: then it has arranged who uses it."""
        if node.kind in ("key", "item", "hidden"):
            return False
        filename = keeping.owner_file(node)
        return bool(filename) and self.recorder.frames.roles[filename] == "test"

    def _is_fixed(self, node: Node) -> bool:
        """Whether the way there has names only, or ends at a view of the application's."""
        if not self._is_end(node):
            return False
        view = view_of(node)
        if view is None:
            return all(self._is_named(each) for each in node.chain())
        below = view.below
        if below is None or not keeping.is_users(below, self.recorder.frames):
            return False
        return _is_application(type(node.thing)) and all(map(self._is_named, below.chain()))

    def _is_end(self, node: Node) -> bool:
        """Whether what holds here lasts as long as the process, or as the application."""
        if _is_application(type(node.thing)):
            return node.kind == "attribute"
        if not keeping.is_users(node, self.recorder.frames):
            return False
        inner = keeping.wrapped(node)
        if inner is not None and node.kind == "cache":
            return not inner.__code__.co_argcount + inner.__code__.co_kwonlyargcount
        if isinstance(node.thing, types.FunctionType):
            return node.kind == "closure"
        return node.kind == "variable" or isinstance(node.thing, type)

    def _is_named(self, node: Node) -> bool:
        if node.kind == "hidden":
            return not type(node.thing).__module__.startswith(("_", "builtins"))
        if node.kind == "key":
            return bool(node.name) and self._is_written(node.name)
        return node.kind != "item"

    def _is_written(self, key: str) -> bool:
        """Whether the app's source stores under this very key: a name then, and not worked out.

        The sources are read once for each key, and again when further files have run.
        """
        asked = key, len(self.recorder.frames.roles)
        found = self._written.get(asked)
        if found is None:
            found = self._written[asked] = self._stores_under(key)
        return found

    def _stores_under(self, key: str) -> bool:
        quoted = re.compile(rf"""["']{re.escape(key)}["']\s*:""")
        likely = re.compile(rf"""["']{re.escape(key)}["']|\b{re.escape(key)}\s*[=:]""")
        roles = self.recorder.frames.roles
        sources = [source_of(name) for name, role in list(roles.items()) if role == "app"]
        return any(
            key in source
            and likely.search(source)
            and (quoted.search(source) or stores(source, key, inside=False, kind="key"))
            for source in sources
        )


def _may_pass(node: Node) -> bool:
    if isinstance(node.thing, NATIVE_LOCAL | threading.local):
        return False
    if node.kind != "item" or view_of(node) is not None or _is_bound(node):
        return True
    below = node.below.thing if node.below is not None else None
    return isinstance(node.thing, types.CellType) or isinstance(below, types.CellType)


def _is_bound(node: Node) -> bool:
    """Whether a ``partial`` has the Session among its arguments: as fixed as what a function closes over.

    Asked of what holds the Session itself only, since it is one more look at every object there is.
    """
    return (
        type(node.thing) is tuple
        and len(keeping.users_chain(node)) == 1
        and any(type(each) is functools.partial for each in gc.get_referrers(node.thing))
    )


def view_of(node: Node) -> Node | None:
    """A method of an object's on the way there: the framework has it in tables of its own."""
    return next((each for each in node.chain() if isinstance(each.thing, types.MethodType)), None)


def _is_frameworks(node: Node) -> bool:
    """Whether a class that is not the app's makes this attribute of its own accord.

    ``app.state``, ``app.ctx``, ``router.registry`` hold what an app puts there, under its own names.
    """
    if node.kind != "attribute" or isinstance(node.thing, type | types.FunctionType):
        return False
    sources = (source_of(keeping.file_of(each)) for each in type(node.thing).__mro__)
    return node.name.startswith("_") or any(
        f"self.{node.name}" in source and stores(source, node.name, False, "attribute")
        for source in sources
    )


def _is_in_application(kind: type, lines: ev.Stack) -> bool:
    """Whether the application's own constructor stores there."""
    makers = {f"{each.__qualname__}.__init__" for each in kind.__mro__}
    return _is_application(kind) and any(site.function in makers for site in lines)


def _is_application(kind: type) -> bool:
    """Whether this is a web framework's application class, or derived from one."""
    return any((each.__module__, each.__name__) in APPLICATIONS for each in kind.__mro__)

"""How a strand got hold of a session: what it was started with.

Two levels deep: an argument, an attribute or item of it, and an attribute or item of that.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Iterator
from typing import Any

from pytest_sessionguard.events import Site
from pytest_sessionguard.observe import sqla
from pytest_sessionguard.observe.strand import Strand

_LIMIT = 60
_SUSPENDED = (types.CoroutineType, types.GeneratorType, types.AsyncGeneratorType)
_PLAIN = (str, bytes, int, float, bool, type(None), type, types.ModuleType)


def bindings(strand: Strand, session: Any) -> Iterator[tuple[Strand, Site]]:
    """The strand, or those it was started by, that were given ``session`` or an instance of it.

    With the line where it was bound into their arguments; none when a strand looked the session
    up, or made it.
    """
    current: Strand | None = strand
    for _ in range(3):
        if current is None:
            return
        site = _bound_at(current)
        if current.reach is not None and site is not None and holds(current.reach(), session):
            yield current, site
        current = current.parent


def _bound_at(strand: Strand) -> Site | None:
    """Where the strand's arguments were bound; a library in between passes its own on."""
    if strand.spawned:
        return strand.spawned[0]
    parent = strand.parent
    if parent is not None and parent.own_work and parent.spawned:
        return parent.spawned[0]
    return None


def holds(things: Any, session: Any) -> bool:
    """Whether ``session`` is among ``things`` or one of their attributes or items."""
    return any(_is_of(thing, session) for thing in _reachable(things))


def _is_of(thing: Any, session: Any) -> bool:
    try:
        return _is_session_or_instance(thing, session)
    except Exception:  # somebody's proxy or property: it is not for us to ask
        return False


def _is_session_or_instance(thing: Any, session: Any) -> bool:
    if thing is session or sqla.sync_session(thing) is session:
        return True
    state = sqla.own_attributes(thing).get("_sa_instance_state")
    return state is not None and sqla.session_of_state(state) is session


def _reachable(things: Any, levels: int = 3) -> Iterator[Any]:
    seen: set[int] = set()
    level = list(things)
    for _ in range(levels + 1):
        following: list[Any] = []
        for thing in level:
            if id(thing) in seen or issubclass(type(thing), _PLAIN):
                continue
            seen.add(id(thing))
            if len(seen) > _LIMIT:
                return
            yield thing
            try:
                following.extend(_inside(thing))
            except Exception:  # as above
                continue
        level = following


def _inside(thing: Any) -> list[Any]:
    """What one thing holds: items, attributes, a function's closure, a method's object.

    Asked without running anybody's code: a mock would note it, a proxy would fail.
    """
    kind = type(thing)
    if issubclass(kind, dict):
        return list(dict.values(thing))[:_LIMIT]
    if kind in (list, tuple, set, frozenset):
        return list(thing)[:_LIMIT]
    if kind is types.MethodType:
        return [thing.__self__, thing.__func__]
    if kind is types.FunctionType:
        return _closure(thing)
    if kind in _SUSPENDED:
        return coroutine_locals(thing)
    if kind is functools.partial:
        return [thing.func, *thing.args, *thing.keywords.values()]
    held = sqla.own_attributes(thing)
    if "_sa_instance_state" in held:
        return []
    slotted = [value for _, value in slots(thing)]
    return (slotted + list(held.values()))[:_LIMIT]


def slots(thing: Any) -> Iterator[tuple[str, Any]]:
    """The names and values of a slotted object."""
    for kind in type(thing).__mro__:
        for name, member in vars(kind).items():
            if type(member) is types.MemberDescriptorType:
                try:
                    yield name, member.__get__(thing)
                except AttributeError:  # not set
                    continue


def _closure(function: types.FunctionType) -> list[Any]:
    found = []
    for cell in function.__closure__ or ():
        try:
            found.append(cell.cell_contents)
        except ValueError:  # not yet filled
            continue
    return found


def coroutine_locals(suspended: Any) -> list[Any]:
    """The locals of a coroutine or generator that has not ended, its closure included."""
    for name in ("cr_frame", "gi_frame", "ag_frame"):
        frame = getattr(suspended, name, None)
        if frame is not None:
            return list(frame.f_locals.values())
    return []


def reaches_directly(suspended: Any, session: Any) -> bool:
    """Whether a local of a coroutine is ``session``, or a function closed over it."""
    for thing in coroutine_locals(suspended):
        closed_over = _closure(thing) if isinstance(thing, types.FunctionType) else []
        if any(sqla.sync_session(each) is session for each in (thing, *closed_over)):
            return True
    return False


def instance_binding(strand: Strand, instance: Any) -> tuple[Strand, Site] | None:
    """The strand, or its parent, that was given this very instance, and the line that bound it."""
    current: Strand | None = strand
    for _ in range(3):
        if current is None:
            break
        things = current.reach() if current.reach is not None and current.spawned else ()
        if any(thing is instance for thing in _reachable(things)):
            return current, current.spawned[0]
        current = current.parent
    return None

"""Who keeps a thing: the ways up from an object to the names by which the program reaches it.

The collector is asked who refers to the object, then who refers to those, and so on. That is slow
and finds much that is nobody's plan, so it is asked only about what a finding is about.
"""

from __future__ import annotations

import collections
import contextlib
import functools
import gc
import inspect
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

from pytest_sessionguard.observe import reach, sqla
from pytest_sessionguard.observe.frames import Frames

LEVELS, WIDTH = 9, 60
_PLAIN = (list, tuple, set, frozenset, collections.deque)
_PASSING = (
    types.FrameType, types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType,
    types.TracebackType, types.ModuleType, types.BuiltinFunctionType, BaseException,
)  # fmt: skip
_NOBODYS = frozenset({"_thread", "_contextvars", "contextvars", "weakref", "_weakref", "gevent"})
_CACHE = "_lru_cache_wrapper"
_INNER = "sync_session"


class Node:
    """One step of a way up: ``thing`` holds ``below.thing``, as ``kind`` and ``name`` say.

    ``variable`` of a module, ``attribute`` (of a class, too), ``key`` of a dictionary, or ``type``
    where that is a class, ``closure`` or ``default`` of a function, ``cache`` of a function; ``item``
    and ``hidden`` have no name.
    """

    __slots__ = ("below", "kind", "name", "thing")

    def __init__(self, thing: Any, kind: str, name: str, below: Node | None) -> None:
        self.thing = thing
        self.kind = kind
        self.name = name
        self.below = below

    def chain(self) -> list[Node]:
        """This node and those below it, innermost first, without the object itself."""
        found: list[Node] = []
        node: Node | None = self
        while node is not None and node.below is not None:
            found.insert(0, node)
            node = node.below
        return found


@contextlib.contextmanager
def thawed() -> Iterator[None]:
    """The collector does not tell who refers to an object if that one is frozen."""
    frozen = gc.get_freeze_count()
    if frozen:
        gc.unfreeze()
    try:
        yield
    finally:
        if frozen:
            gc.freeze()


def ways_up(thing: Any, may_pass: Callable[[Node], bool]) -> Iterator[Node]:
    """Every node above ``thing``, the nearest first; nothing above one that ``may_pass`` refuses."""
    level = [Node(thing, "", "", None)]
    seen = {(id(thing), "")}
    for _ in range(LEVELS):
        things = [node.thing for node in level]
        by_id = {id(node.thing): node for node in level}
        own = (things, level, by_id, seen)
        following: list[Node] = []
        for referrer in gc.get_referrers(*things):
            if any(referrer is each for each in own) or not _can_hold(referrer):
                continue
            try:
                node = _node(referrer, by_id)
            except Exception:  # somebody's proxy or property: it is not for us to ask
                continue
            if node is None or (id(node.thing), node.name) in seen:
                continue
            yield node
            if len(following) < WIDTH and not _is_root(node) and may_pass(node):
                seen.add((id(node.thing), node.name))  # one that is refused may be passed otherwise
                following.append(node)
        if not following:
            return
        level = following


def _can_hold(referrer: Any) -> bool:
    kind = type(referrer)
    if kind is Node or issubclass(kind, _PASSING):
        return False
    defined = referrer if issubclass(kind, type) else kind  # a model's class is the user's
    module = type.__getattribute__(defined, "__module__")
    package = module if isinstance(module, str) else ""
    if package.startswith("sqlalchemy."):
        return issubclass(kind, (list, dict, set)) or kind.__name__ == "AsyncSession"
    return package.partition(".")[0] not in _NOBODYS


def _is_root(node: Node) -> bool:
    return node.kind in ("variable", "cache")


def _node(referrer: Any, by_id: dict[int, Node]) -> Node | None:
    if isinstance(referrer, dict):
        node = _of_dict(referrer, by_id)
        if node is not None or type(referrer) is dict:
            return node
    if isinstance(referrer, types.FunctionType):
        return _of_function(referrer, by_id)
    below = next((by_id[id(e)] for e in gc.get_referents(referrer) if id(e) in by_id), None)
    if below is None:
        return None
    if isinstance(referrer, types.CellType) or type(referrer) in _PLAIN:
        return Node(referrer, "item", "", below)
    if type(referrer).__name__ == _CACHE:
        return Node(referrer, "cache", getattr(referrer, "__name__", ""), below)
    return _of_object(referrer, below)


def _of_dict(names: dict[Any, Any], by_id: dict[int, Node]) -> Node | None:
    key, value = next((item for item in dict.items(names) if id(item[1]) in by_id), (None, None))
    below = by_id.get(id(value))
    if below is None:
        return None
    name = key if isinstance(key, str) else ""
    if isinstance(key, type):
        return Node(names, "type", key.__name__, below)
    module = sys.modules.get(str(dict.get(names, "__name__", "")))
    if module is not None and getattr(module, "__dict__", None) is names:
        return Node(module, "variable", name, below)
    return Node(names, "key", name, below)


def _of_function(function: types.FunctionType, by_id: dict[int, Node]) -> Node | None:
    closure, code = function.__closure__, function.__code__
    node = by_id.get(id(closure))
    if closure is not None and node is not None and node.below is not None:
        name = code.co_freevars[next(i for i, c in enumerate(closure) if c is node.below.thing)]
        return Node(function, "closure", name, node.below.below)
    node, defaults = by_id.get(id(function.__defaults__)), function.__defaults__
    if defaults is not None and node is not None and node.below is not None:
        at = next(i for i, each in enumerate(defaults) if each is node.below.thing)
        name = code.co_varnames[code.co_argcount - len(defaults) + at]
        return Node(function, "default", name, node.below)
    node = by_id.get(id(vars(function)))
    return Node(function, "attribute", node.name, node.below) if node is not None else None


def _of_object(holder: Any, below: Node) -> Node | None:
    if type(holder) is functools.partial and below.below is not None:
        return Node(holder, "hidden", "", below.below)  # its tuple of arguments
    names = vars(holder) if isinstance(holder, type) else sqla.own_attributes(holder)
    if below.kind == "key" and (names is below.thing or _are_same(names, below)):
        return Node(holder, "attribute", below.name, below.below)  # its ``__dict__``
    name = next((n for n, value in names.items() if value is below.thing), None)
    name = name or next((n for n, value in reach.slots(holder) if value is below.thing), None)
    return Node(holder, "attribute" if name else "hidden", name or "", below)


def _are_same(names: Any, below: Node) -> bool:
    """Whether ``below`` is the dictionary behind a class's proxy."""
    if not isinstance(names, types.MappingProxyType) or below.below is None:
        return False
    return names.get(below.name) is below.below.thing


# -- what the user's are ------------------------------------------------------------------------


def file_of(kind: Any) -> str:
    """The file of a module, a class or a function; empty when there is none."""
    if isinstance(kind, types.ModuleType):
        return str(getattr(kind, "__file__", None) or "")
    if isinstance(kind, types.FunctionType):
        return kind.__code__.co_filename
    return file_of(sys.modules.get(kind.__module__, types.ModuleType("?")))


def users_chain(node: Node) -> list[Node]:
    """The chain without an AsyncSession's own attribute: what is kept then is the AsyncSession."""
    return [each for each in node.chain() if each.name != _INNER or not _is_async(each.thing)]


def _is_async(thing: Any) -> bool:
    return any(kind.__module__.startswith("sqlalchemy.") for kind in type(thing).__mro__)


def classes_of(node: Node) -> frozenset[str]:
    """The names of the classes of what holds by an attribute: the methods of others set theirs."""
    if node.kind != "attribute" or isinstance(node.thing, types.FunctionType):
        return frozenset()
    kind = node.thing if isinstance(node.thing, type) else type(node.thing)
    return frozenset(each.__name__ for each in kind.__mro__)


def wrapped(node: Node) -> types.FunctionType | None:
    """The function that a decorator has put a wrapper around, if the wrapper is what holds."""
    thing = node.thing
    if node.kind != "cache" and "__wrapped__" not in sqla.own_attributes(thing):
        return None
    inner = inspect.unwrap(thing)
    return inner if isinstance(inner, types.FunctionType) else None


def owner_file(node: Node) -> str:
    """The file with the code of what holds, or of its class."""
    inner = wrapped(node)
    if inner is not None:
        return file_of(inner)
    thing = node.thing
    if isinstance(thing, types.ModuleType | types.FunctionType | type):
        return file_of(thing)
    return file_of(type(thing))


def is_users(node: Node, frames: Frames) -> bool:
    """Whether a module, class, function or object of the app itself holds, by a name."""
    if node.kind not in ("variable", "attribute", "closure", "default", "cache"):
        return False
    if "_sa_instance_state" in sqla.own_attributes(node.thing):
        return False  # an instance that refers to another one passes it on only
    filename = owner_file(node)
    return bool(filename) and frames.roles[filename] == "app"


def name_of(node: Node) -> str:
    """What a reader calls it: ``module.name``, ``Class.attribute``, a function's cache."""
    thing, inner = node.thing, wrapped(node)
    if node.kind == "variable":
        return f"{thing.__name__}.{node.name}"
    if inner is not None:
        return f"the {'cache' if node.kind == 'cache' else 'wrapper'} of {inner.__qualname__}"
    if node.kind == "closure":
        return f"the closure of {thing.__qualname__}"
    if node.kind == "default":
        return f"a default of {thing.__qualname__}"
    kind = thing if isinstance(thing, type) else type(thing)
    return f"{kind.__qualname__}.{node.name}"

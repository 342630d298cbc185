"""The lines of source by which something comes into a place that keeps it.

Nobody watched when it was stored. But the place has a name, and the source says where things are
put under that name: ``CACHE[key] = user``, ``seen.append(user)``, ``self.user = user``, a decorator.
Pure: text in, lines out.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

_PUTTING = frozenset(
    {"add", "append", "appendleft", "extend", "insert", "put", "push", "set", "setdefault", "store",
     "update"}
)  # fmt: skip
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Store(NamedTuple):
    """A line that stores, in ``function``; ``passed`` when what it stores is that one's parameter.

    ``called`` is the name by which others call the function: the class's for an ``__init__``.
    """

    line: int
    function: str
    passed: bool
    called: str


def stores(
    source: str, name: str, inside: bool, kind: str = "", classes: frozenset[str] = frozenset()
) -> list[Store]:
    """Where things are stored under ``name``, or ``inside`` the container of that name.

    ``kind`` tells what bears the name: a module's ``variable``, an ``attribute``, a ``key``, or a
    function's own variable otherwise; empty where that does not matter. ``classes``: those of which
    a ``self`` may be meant, if that is known.
    """
    found: dict[int, list[Store]] = {0: [], 1: []}
    for node, around in _walk(_parsed(source), ()):
        if classes and _is_of_another(node, around, classes):
            continue
        for rank, value in _stored(node, name, inside, around, kind):
            found[rank].append(_store(node, value, around))
    in_functions = [each for each in found[1] if each.function != "<module>"]
    return found[0] or in_functions or found[1]


def calls(source: str, name: str) -> list[Store]:
    """Where a function of this name is called with something."""
    return [
        _store(node, None, around)
        for node, around in _walk(_parsed(source), ())
        if isinstance(node, ast.Call) and _ends(node.func) == name and (node.args or node.keywords)
    ]


def passed(source: str, method: str) -> list[Store]:
    """Where a method of this name is given to something: ``add_url_rule("/", view_func=users.index)``."""
    return [
        _store(node, None, around)
        for node, around in _walk(_parsed(source), ())
        if isinstance(node, ast.Call)
        and any(
            isinstance(given, ast.Attribute) and given.attr == method
            for given in (*node.args, *(each.value for each in node.keywords))
        )
    ]


def passed_new(source: str, kind: str) -> list[Store]:
    """Where a new object of this class is given to something: ``add_route("/users", Users())``."""
    tree = _parsed(source)
    named: dict[tuple[ast.AST, ...], set[str]] = {}
    for node, around in _walk(tree, ()):
        for target, value in _assigned(node):
            if _is_new(value, kind):
                named.setdefault(around, set()).add(_ends(target))
    return [
        _store(node, None, around)
        for node, around in _walk(tree, ())
        if isinstance(node, ast.Call)
        and any(
            _is_new(each, kind) or (isinstance(each, ast.Name) and each.id in named.get(around, ()))
            for each in (*node.args, *(given.value for given in node.keywords))
        )
    ]


def _is_new(value: ast.expr, kind: str) -> bool:
    return isinstance(value, ast.Call) and _ends(value.func) == kind


def decorated_at(source: str, line: int, decorator: str) -> int:
    """The line of the decorator of this name on the function that begins at ``line``; else of one
    that looks like a cache; else ``line`` itself."""
    for node, _ in _walk(_parsed(source), ()):
        if isinstance(node, Function) and _first_line(node) == line:
            names = {_decorator(each): each.lineno for each in node.decorator_list}
            caching = [at for name, at in names.items() if "cache" in name or "memo" in name]
            return names.get(decorator) or (caching[0] if caching else line)
    return line


@lru_cache(maxsize=128)
def _parsed(source: str) -> ast.Module:
    """Its tree, an empty one for a template's source; what there is to warn of was told at import."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(source)
        except (SyntaxError, ValueError):  # ValueError: a null character
            return ast.Module([], [])


def looped_at(source: str, line: int) -> int:
    """The line of the innermost ``async for`` around ``line``; else ``line`` itself."""
    loops = [node for node, _ in _walk(_parsed(source), ()) if isinstance(node, ast.AsyncFor)]
    around = [each.lineno for each in loops if each.lineno <= line <= (each.end_lineno or 0)]
    return max(around, default=line)


def _decorator(node: ast.expr) -> str:
    return _ends(node.func if isinstance(node, ast.Call) else node).lower()


def _first_line(node: Function) -> int:
    return min([node.lineno, *(each.lineno for each in node.decorator_list)])


def _walk(
    node: ast.AST, around: tuple[ast.AST, ...]
) -> Iterator[tuple[ast.AST, tuple[ast.AST, ...]]]:
    """Every node, with the classes and functions around it, outermost first."""
    for child in ast.iter_child_nodes(node):
        yield child, around
        scope = isinstance(child, Function | ast.ClassDef)
        yield from _walk(child, (*around, child) if scope else around)


def _stored(
    node: ast.AST, name: str, inside: bool, around: tuple[ast.AST, ...], kind: str
) -> Iterator[tuple[int, ast.expr | None]]:
    """What this node stores there: 0 for certain, 1 when it may be the making of the place."""
    for target, value in _assigned(node):
        if inside and isinstance(target, ast.Subscript) and _ends(target.value) == name:
            yield 0, value
        elif _ends(target) == name and not _is_empty(value) and _bears(target, around, kind):
            yield int(inside), value
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return
    puts = inside and node.func.attr in _PUTTING and _ends(node.func.value) == name
    sets = not inside and node.func.attr == "setdefault" and _is_constant(node.args[:1], name)
    if puts or sets:
        yield 0, node.args[-1] if node.args else None


def _bears(target: ast.expr, around: tuple[ast.AST, ...], kind: str) -> bool:
    """Whether this target is such a name: a function's variable is no module's, and no attribute."""
    if not kind:
        return True
    if isinstance(target, ast.Subscript):
        return kind == "key"
    if isinstance(target, ast.Attribute):
        return kind in ("attribute", "key", "variable")
    function = next((each for each in reversed(around) if isinstance(each, Function)), None)
    if kind == "variable":
        return not around or (function is not None and _is_global(_ends(target), function))
    if kind in ("attribute", "key"):  # of a class, or declared in one
        return bool(around) and isinstance(around[-1], ast.ClassDef)
    return function is not None


def _is_of_another(node: ast.AST, around: tuple[ast.AST, ...], classes: frozenset[str]) -> bool:
    """Whether this sets an attribute of ``self`` in a method of a class that is none of these."""
    targets = [target for target, _ in _assigned(node) if isinstance(target, ast.Attribute)]
    if not any(isinstance(each.value, ast.Name) and each.value.id == "self" for each in targets):
        return False
    around_it = [each.name for each in around if isinstance(each, ast.ClassDef)]
    return bool(around_it) and around_it[-1] not in classes


def _is_global(name: str, function: Function) -> bool:
    return any(isinstance(e, ast.Global) and name in e.names for e in ast.walk(function))


def _assigned(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    if isinstance(node, ast.Assign):
        yield from ((target, node.value) for target in node.targets)
    elif isinstance(node, ast.NamedExpr | ast.AnnAssign) and node.value is not None:
        yield node.target, node.value


def _is_empty(value: ast.expr) -> bool:
    """A constant or an empty container: the place is made, or cleared."""
    if isinstance(value, ast.Dict):
        return not value.keys
    if isinstance(value, ast.List | ast.Set | ast.Tuple):
        return not value.elts
    return isinstance(value, ast.Constant)


def _is_constant(arguments: list[ast.expr], name: str) -> bool:
    return any(isinstance(each, ast.Constant) and each.value == name for each in arguments)


def _ends(node: ast.expr) -> str:
    """The last name of an expression: ``cls.cache``, ``CACHE``, ``config["owner"]``."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return str(node.slice.value)
    return ""


def _store(node: ast.AST, value: ast.expr | None, around: tuple[ast.AST, ...]) -> Store:
    function = next((each for each in reversed(around) if isinstance(each, Function)), None)
    names = [each.name for each in around if isinstance(each, Function | ast.ClassDef)]
    called = names[-1] if names else ""
    if called == "__init__" and len(names) > 1:
        called = names[-2]
    qualified = ".".join(_with_locals(around)) or "<module>"
    line = getattr(node, "lineno", 0)
    return Store(line, qualified, function is not None and _is_parameter(value, function), called)


def _with_locals(around: tuple[ast.AST, ...]) -> Iterator[str]:
    """The parts of a ``__qualname__``."""
    for at, each in enumerate(around):
        assert isinstance(each, Function | ast.ClassDef)
        if at and isinstance(around[at - 1], Function):
            yield "<locals>"
        yield each.name


def _is_parameter(value: ast.expr | None, function: Function) -> bool:
    given = function.args
    names = {each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)}
    return isinstance(value, ast.Name) and value.id in names

"""A wrapper that cannot be told from the wrapped method by its signature.

SQLAlchemy itself, its extensions and its tests look at the argument names of Session's methods,
some of them in the code object. So a wrapper has the same arguments, and passes each on by name.
The technique is that of the ``decorator`` module and of SQLAlchemy's own ``util.decorator``.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from pytest_sessionguard.observe.roles import OWN_ROOM

_TEMPLATE = """
def {name}({declared}):
    __tracebackhide__ = True
    _mark = _begin({subject}, _action)
    if _mark is None:
        return _original({passed})
    try:
        return _original({passed})
    finally:
        _end(_mark)
"""


def around(
    original: Any, action: str, begin: Callable[..., Any], end: Callable[..., None], subject: str
) -> Any:
    """``original``, with ``begin(subject, action)`` before it and ``end(mark)`` after it.

    ``subject`` is an expression in the method's ``self``. ``end`` is left out when ``begin``
    returned None. The caller of the method is two frames above ``begin``.
    """
    parameters = list(inspect.signature(original).parameters.values())
    source = _TEMPLATE.format(
        name=original.__name__,
        declared=_declared(parameters),
        passed=", ".join(_passed(parameter) for parameter in parameters),
        subject=subject,
    )
    names = {
        "__name__": original.__module__, "_original": original, "_action": action,
        "_begin": begin, "_end": end,
    }  # fmt: skip
    exec(compile(source, f"{OWN_ROOM}/<{action}>", "exec"), names)
    wrapper: Any = names[original.__name__]
    functools.update_wrapper(wrapper, original)
    wrapper.__defaults__ = original.__defaults__
    wrapper.__kwdefaults__ = original.__kwdefaults__
    return wrapper


def _declared(parameters: list[inspect.Parameter]) -> str:
    """The parameter list; defaults are only placeholders, the original's take their place."""
    bare = [
        parameter.replace(annotation=parameter.empty, default=_placeholder(parameter))
        for parameter in parameters
    ]
    return str(inspect.Signature(bare))[1:-1]


def _placeholder(parameter: inspect.Parameter) -> Any:
    return parameter.empty if parameter.default is parameter.empty else None


def _passed(parameter: inspect.Parameter) -> str:
    name = parameter.name
    if parameter.kind is parameter.VAR_POSITIONAL:
        return f"*{name}"
    if parameter.kind is parameter.VAR_KEYWORD:
        return f"**{name}"
    return f"{name}={name}" if parameter.kind is parameter.KEYWORD_ONLY else name

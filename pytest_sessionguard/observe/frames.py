"""Which source line is the user's: walking frames, cheaply.

A frame is kept as code object and instruction offset until somebody asks for its line, and asked
for only once: sites are interned. Frames of libraries, of the guard and of the interpreter are
left out; the walk ends where a request or a task begins, because the frames below belong to
whoever sent or started it, and where pytest calls the test, because below is nobody's.
"""

from __future__ import annotations

import dis
import functools
import inspect
import sys
import weakref
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import Any

from pytest_sessionguard.events import Site, Stack
from pytest_sessionguard.observe.roles import Roles, is_installed

STACK_LIMIT = 16
_GENERATOR_FLAGS = inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR
_ASYNC_GEN_WRAP = 4  # the number of the intrinsic from Python 3.12 on
_STARTERS = frozenset(
    {"asyncio", "anyio", "concurrent", "gevent", "multiprocessing", "threading", "_threading"}
)
_LOCK_MAKERS = frozenset({"threading"})
_USER, _NOBODY = "<user>", "<nobody>"
_BOUNDARIES = {
    "guard": frozenset({"serve_wsgi", "serve_asgi", "run_handle", "run_strand"}),
    "runner": frozenset({"_run", "pytest_pyfunc_call"}),
}


class Frames:
    """Turns live frames into sites.

    A site is known by the address of its instruction: the byte code lies inside the code object,
    which is kept, so that no other instruction ever has that address.
    """

    def __init__(self, roles: Roles) -> None:
        self.roles = roles
        self._sites: dict[int, tuple[Site]] = {}
        self._kept: list[CodeType] = []

    def alone(self, frame: FrameType) -> tuple[Site]:
        """The site of one frame as a stack, interned."""
        return self._sites.get(id(frame.f_code) + frame.f_lasti) or self._new(frame)

    def _new(self, frame: FrameType) -> tuple[Site]:
        code = frame.f_code
        self._kept.append(code)
        found = (self.site_of(code.co_filename, frame.f_lineno or 0, code.co_qualname),)
        self._sites[id(code) + frame.f_lasti] = found
        return found

    def site_of(self, filename: str, line: int, function: str) -> Site:
        """The site of a line that is known by name only."""
        role = self.roles[filename]
        shown = role if role in ("app", "test") else "library"
        return Site(self.roles.shown(filename), line, function, shown)

    def nearest(self, frame: FrameType | None) -> Stack:
        """The innermost line of the user's, as a stack of one; empty when there is none."""
        return self.users(frame)[1]

    def stack(self, frame: FrameType | None) -> Stack:
        """All lines of the user's, innermost first, at most ``STACK_LIMIT``."""
        found: list[Site] = []
        last = self._collect(frame, found)
        if last is not None and "greenlet" in sys.modules:
            for each in _beyond():
                if self._collect(each, found) is None:
                    break
        return tuple(found)

    def _collect(self, frame: FrameType | None, found: list[Site]) -> FrameType | None:
        """Add the user's lines from ``frame`` outwards; the last frame, or None at a boundary."""
        roles, sites, last = self.roles, self._sites, frame
        while frame is not None:
            code = frame.f_code
            role = roles[code.co_filename]
            if role == "library":
                pass
            elif role == "app" or role == "test":
                found += sites.get(id(code) + frame.f_lasti) or self._new(frame)
                if len(found) == STACK_LIMIT:
                    return None
            elif code.co_name in _BOUNDARIES[role]:
                return None
            last, frame = frame, frame.f_back
        return last

    def spawned_by_user(self, frame: FrameType | None) -> bool:
        """Whether the user's code started the work, and not a library for purposes of its own."""
        return self.called_by_user(frame, _STARTERS)

    def made_by_user(self, frame: FrameType | None) -> bool:
        """Whether the user's code made a lock, itself or as part of a Condition."""
        return self.called_by_user(frame, _LOCK_MAKERS)

    def maker(self, frame: FrameType | None) -> str | None:
        """Who makes a lock: ``""`` for the user, an installed package, None for the interpreter."""
        while frame is not None:
            filename = frame.f_code.co_filename
            caller = self.roles.callers.get(filename) or self._new_caller(frame)
            if caller == _USER:
                return ""
            if caller != _NOBODY and caller not in _LOCK_MAKERS:
                return caller if is_installed(filename) else None
            frame = frame.f_back
        return None

    def taken_by_user(self, frame: FrameType | None, package: str) -> bool:
        """Whether the user's code takes a lock, itself or through the package that made it."""
        return self.called_by_user(frame, frozenset({package, "contextlib"}))

    def called_by_user(self, frame: FrameType | None, through: frozenset[str]) -> bool:
        """Whether the user's code calls, itself or through these packages."""
        callers = self.roles.callers
        while frame is not None:
            caller = callers.get(frame.f_code.co_filename) or self._new_caller(frame)
            if caller == _USER:
                return True
            if caller != _NOBODY and caller not in through:
                return False
            frame = frame.f_back
        return False

    def _new_caller(self, frame: FrameType) -> str:
        caller = self.roles.callers[frame.f_code.co_filename] = self._caller(frame)
        return caller

    def _caller(self, frame: FrameType) -> str:
        """The package of a file; or that it is the user's, or nobody's: the guard's, or generated."""
        filename = frame.f_code.co_filename
        role = self.roles[filename]
        if role == "app" or role == "test":
            return _USER
        generated = filename.startswith("<") and not filename.startswith("<frozen ")
        if role == "guard" or generated:
            return _NOBODY
        return str(frame.f_globals.get("__name__", "")).partition(".")[0]

    def leaving(self, frame: FrameType | None) -> Site | None:
        """The innermost line of the user's if its function is about to end with it.

        A module never does, and a generator only when it has been past its first ``yield``.
        """
        found = self.users(frame)[0]
        return self.leaving_at(found) if found is not None else None

    def leaving_at(self, found: FrameType) -> Site | None:
        """The same for the user's innermost frame."""
        code = found.f_code
        if code.co_name == "<module>":
            return None
        if code.co_flags & _GENERATOR_FLAGS and found.f_lasti <= first_yield(code):
            return None
        return self.alone(found)[0]

    def users(self, frame: FrameType | None) -> tuple[FrameType | None, Stack]:
        """The innermost frame of the user's, and its line as a stack of one."""
        # Called for every operation: the frames of this greenlet first, without a generator.
        roles, last = self.roles, frame
        while frame is not None:
            code = frame.f_code
            role = roles[code.co_filename]
            if role == "app" or role == "test":
                return frame, self._sites.get(id(code) + frame.f_lasti) or self._new(frame)
            if role != "library" and code.co_name in _BOUNDARIES[role]:
                return None, ()
            last, frame = frame, frame.f_back
        if last is not None and "greenlet" in sys.modules:
            beyond = self._nearest_beyond()
            if beyond is not None:
                return beyond, self.alone(beyond)
        return None, ()

    def _nearest_beyond(self) -> FrameType | None:
        for each in _beyond():
            for outer in walk(each):
                role = self.roles[outer.f_code.co_filename]
                if role == "app" or role == "test":
                    return outer
                if role != "library" and outer.f_code.co_name in _BOUNDARIES[role]:
                    return None
        return None

    def library(self, frame: FrameType | None) -> Stack:
        """The innermost line outside SQLAlchemy, for calls that no user line made."""
        while frame is not None:
            name = frame.f_globals.get("__name__", "")
            own = self.roles[frame.f_code.co_filename] == "guard"
            if not own and not name.startswith(("sqlalchemy.", "contextlib", "asyncio.")):
                return self.alone(frame)
            frame = frame.f_back
        return ()


@functools.cache
def first_yield(code: CodeType) -> int:
    """The offset of a generator function's first own ``yield``; awaiting is not yielding."""
    wrapped = not code.co_flags & inspect.CO_ASYNC_GENERATOR
    for instruction in dis.get_instructions(code):
        if instruction.opname == "YIELD_VALUE" and wrapped:
            return instruction.offset
        if code.co_flags & inspect.CO_ASYNC_GENERATOR:
            wrapped = "ASYNC_GEN_WRAP" in instruction.opname or (
                instruction.opname == "CALL_INTRINSIC_1" and instruction.arg == _ASYNC_GEN_WRAP
            )
    return sys.maxsize


def outside_init(frame: FrameType, thing: Any) -> FrameType | None:
    """The frame that constructs ``thing``, beyond the ``__init__`` of its own classes."""
    outer: FrameType | None = frame
    while outer is not None and outer.f_code.co_name == "__init__":
        names = outer.f_code.co_varnames
        if not names or outer.f_locals.get(names[0]) is not thing:
            break
        outer = outer.f_back
    return outer


def in_finalizer(frame: FrameType | None) -> bool:
    """Whether the interpreter runs this because an object has gone: in any thread, at any time."""
    while frame is not None:
        code = frame.f_code
        if code is _FINALIZE or code.co_name == "__del__":
            return True
        frame = frame.f_back
    return False


_FINALIZE = weakref.finalize.__call__.__code__


def walk(frame: FrameType | None) -> Iterator[FrameType]:
    """The frames of one greenlet, outwards."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def _beyond() -> Iterator[FrameType]:
    """The frames where the stack goes on that SQLAlchemy's ``greenlet_spawn`` had cut off."""
    greenlet = sys.modules["greenlet"].getcurrent()
    while getattr(type(greenlet), "__sqlalchemy_greenlet_provider__", False):
        greenlet = greenlet.parent
        if greenlet is None or greenlet.gr_frame is None:
            return
        yield greenlet.gr_frame

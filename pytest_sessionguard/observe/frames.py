"""Which source line is the user's: walking frames, cheaply.

A frame is kept as code object and instruction offset until somebody asks for its line, and asked
for only once: sites are interned. Frames of libraries, of the guard and of the interpreter are
left out; the walk ends where a request or a task begins, because the frames below belong to
whoever sent or started it, and where pytest calls the test, because below is nobody's.
"""

from __future__ import annotations

import dis
import fnmatch
import functools
import inspect
import re
import sys
import sysconfig
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from pytest_sessionguard.events import Site, Stack

OWN_ROOM = str(Path(__file__).resolve().parent.parent)
STACK_LIMIT = 16
_LIBRARY_FOLDERS = ("site-packages", "dist-packages")
_TEST_FOLDERS = {"tests", "test"}
_GENERATOR_FLAGS = inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR
_ASYNC_GEN_WRAP = 4  # the number of the intrinsic from Python 3.12 on
_STARTERS = frozenset(
    {"asyncio", "anyio", "concurrent", "gevent", "multiprocessing", "threading", "_threading"}
)
_LOCK_MAKERS = frozenset({"threading"})
_USER, _NOBODY = "<user>", "<nobody>"
_RUNNERS = ("/asyncio/events.py", "/_pytest/python.py")
_BOUNDARIES = {
    "guard": frozenset({"serve_wsgi", "serve_asgi", "run_handle", "run_strand"}),
    "runner": frozenset({"_run", "pytest_pyfunc_call"}),
}


def _stdlib() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    folders = {str(Path(paths[key]).resolve()) for key in ("stdlib", "platstdlib")}
    folders.add(paths["scripts"])  # the command ``pytest`` itself
    return tuple(f"{folder}/" for folder in folders)


class Roles(dict[str, str]):
    """File name -> whose it is, worked out once a file.

    ``"app"``, ``"test"``, ``"library"`` or ``"guard"``; ``"runner"`` for the two library files
    with functions at which a walk ends.

    Parameters: the pytest root, the patterns of test files (``python_files``), the top-level
    packages that are under test although they are installed, and folders that are libraries
    although they lie below the root. ``callers`` is kept by ``Frames``.
    """

    def __init__(
        self,
        root: Path,
        test_patterns: Iterable[str] = ("test_*.py", "*_test.py"),
        packages: Iterable[str] = (),
        libraries: Iterable[str] = (),
    ) -> None:
        super().__init__()
        self.root = root
        self._patterns = tuple(test_patterns)
        self._packages = frozenset(packages)
        self._libraries = tuple(libraries)
        self._stdlib = _stdlib()
        self._shown: dict[str, str] = {}
        self.callers: dict[str, str] = {}

    def __missing__(self, filename: str) -> str:
        role = self._role(filename)
        if role == "library" and filename.endswith(_RUNNERS):
            role = "runner"
        self[filename] = role
        return role

    def add_library(self, folder: str) -> None:
        """Count everything below ``folder`` as library code."""
        self._libraries += (folder.rstrip("/") + "/",)
        self.clear()
        self.callers.clear()

    def _role(self, filename: str) -> str:
        if filename.startswith(OWN_ROOM):
            return "guard"
        if filename.startswith(("<", *self._libraries)):
            return "library"
        path = Path(filename)
        installed = self._installed_package(path)
        if installed is None and filename.startswith(self._stdlib):
            return "library"
        if installed is not None and installed not in self._packages:
            return "library"
        return "test" if self._is_test(path) else "app"

    def _installed_package(self, path: Path) -> str | None:
        for index, part in enumerate(path.parts[:-1]):
            if part in _LIBRARY_FOLDERS:
                return path.parts[index + 1].removesuffix(".py")
        return None

    def _is_test(self, path: Path) -> bool:
        if path.name == "conftest.py":
            return True
        if any(fnmatch.fnmatch(path.name, Path(pattern).name) for pattern in self._patterns):
            return True
        try:
            folders = path.relative_to(self.root).parts[:-1]
        except ValueError:
            return False
        if not folders:
            return _imports_pytest(path)
        return not _TEST_FOLDERS.isdisjoint(folders)

    def shown(self, filename: str) -> str:
        """The name to print: relative to the root or to site-packages, with forward slashes."""
        known = self._shown.get(filename)
        if known is None:
            known = self._shown[filename] = self._name(filename)
        return known

    def _name(self, filename: str) -> str:
        path = Path(filename)
        for folder in _LIBRARY_FOLDERS:
            if folder in path.parts:
                return Path(*path.parts[path.parts.index(folder) + 1 :]).as_posix()
        try:
            return path.relative_to(self.root).as_posix()
        except ValueError:
            return path.as_posix()


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
        return self._called_by_user(frame, _STARTERS)

    def made_by_user(self, frame: FrameType | None) -> bool:
        """Whether the user's code made a lock, itself or as part of a Condition."""
        return self._called_by_user(frame, _LOCK_MAKERS)

    def maker(self, frame: FrameType | None) -> str | None:
        """The installed package that makes a lock; None for the interpreter's own library."""
        while frame is not None:
            name = frame.f_globals.get("__name__", "").partition(".")[0]
            if self.roles[frame.f_code.co_filename] != "guard" and name not in _LOCK_MAKERS:
                return name if _is_installed(frame.f_code.co_filename) else None
            frame = frame.f_back
        return None

    def taken_by_user(self, frame: FrameType | None, package: str) -> bool:
        """Whether the user's code takes a lock, itself or through the package that made it."""
        return self._called_by_user(frame, frozenset({package, "contextlib"}))

    def _called_by_user(self, frame: FrameType | None, through: frozenset[str]) -> bool:
        callers = self.roles.callers
        while frame is not None:
            caller = callers.get(frame.f_code.co_filename)
            if caller is None:
                caller = callers[frame.f_code.co_filename] = self._caller(frame)
            if caller == _USER:
                return True
            if caller != _NOBODY and caller not in through:
                return False
            frame = frame.f_back
        return False

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


def _imports_pytest(path: Path) -> bool:
    """Whether a module beside the tests' folder is a helper of theirs: no app imports pytest."""
    try:
        return _IMPORT_OF_PYTEST.search(path.read_bytes()) is not None
    except OSError:
        return False


_IMPORT_OF_PYTEST = re.compile(rb"^(?:import|from) +(?:pytest|_pytest|unittest)\b", re.MULTILINE)


def _is_installed(filename: str) -> bool:
    return any(f"/{folder}/" in filename for folder in _LIBRARY_FOLDERS)


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

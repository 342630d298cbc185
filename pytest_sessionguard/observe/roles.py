"""Whose a file is: the app's, the tests', a library's or the guard's."""

from __future__ import annotations

import fnmatch
import functools
import re
import sysconfig
from collections.abc import Iterable
from pathlib import Path

OWN_ROOM = str(Path(__file__).resolve().parent.parent)
_LIBRARY_FOLDERS = ("site-packages", "dist-packages")
_TEST_FOLDERS = {"tests", "test"}
_RUNNERS = ("/asyncio/events.py", "/_pytest/python.py")
_IMPORT_OF_PYTEST = re.compile(rb"^(?:import|from) +(?:pytest|_pytest|unittest)\b", re.MULTILINE)


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


@functools.cache
def is_installed(filename: str) -> bool:
    """Whether a file is part of an installed package."""
    return any(f"/{folder}/" in filename for folder in _LIBRARY_FOLDERS)


def _imports_pytest(path: Path) -> bool:
    """Whether a module beside the tests' folder is a helper of theirs: no app imports pytest."""
    try:
        return _IMPORT_OF_PYTEST.search(path.read_bytes()) is not None
    except OSError:
        return False


def _stdlib() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    folders = {str(Path(paths[key]).resolve()) for key in ("stdlib", "platstdlib")}
    folders.add(paths["scripts"])  # the command ``pytest`` itself
    return tuple(f"{folder}/" for folder in folders)

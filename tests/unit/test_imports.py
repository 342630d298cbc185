from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import itertools
import sys
import types
import warnings
from pathlib import Path

import pytest

from pytest_sessionguard.observe.imports import ImportWatch

numbers = itertools.count()


@pytest.fixture
def faults():
    return []


@pytest.fixture
def watch(faults):
    made = ImportWatch(faults.append)
    made.install()
    yield made
    made.remove()


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes a module with a name of its own, and forgets it afterwards."""
    monkeypatch.syspath_prepend(tmp_path)
    written = []

    def write(source: str = "value = 1\n") -> str:
        name = f"sessionguard_imported_{next(numbers)}"
        (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
        importlib.invalidate_caches()
        written.append(name)
        return name

    yield write
    for name in written:
        sys.modules.pop(name, None)


def test_the_action_comes_after_the_modules_own_code(watch, write):
    name, seen = write("value = 1\nvalue += 1\n"), []
    assert watch.when_imported(name, lambda module: seen.append(module.value)) is False
    assert seen == []
    importlib.import_module(name)
    assert seen == [2]


def test_it_comes_before_the_importer_goes_on(watch, write):
    name = write()
    watch.when_imported(name, lambda module: setattr(module, "value", "patched"))
    importer = write(f"from {name} import value\n")
    assert importlib.import_module(importer).value == "patched"


def test_a_module_that_was_imported_already_is_acted_on_at_once(watch, write):
    name, seen = write(), []
    module = importlib.import_module(name)
    assert watch.when_imported(name, seen.append) is True
    assert seen == [module]


def test_a_module_that_is_just_being_imported_is_acted_on_when_it_is_complete(watch, write):
    name, seen = write(), []
    half = types.ModuleType(name)
    half.__spec__ = importlib.machinery.ModuleSpec(name, None)
    half.__spec__._initializing = True
    sys.modules[name] = half
    assert watch.when_imported(name, seen.append) is False
    assert seen == []


def test_several_actions_come_in_their_order(watch, write):
    name, seen = write(), []
    for number in (1, 2):
        watch.when_imported(name, lambda module, number=number: seen.append(number))
    importlib.import_module(name)
    assert seen == [1, 2]


def test_an_action_that_fails_is_told_and_stops_neither_import_nor_others(watch, write, faults):
    name, seen = write(), []
    error = RuntimeError("ours")

    def fails(module):
        raise error

    watch.when_imported(name, fails)
    watch.when_imported(name, seen.append)
    module = importlib.import_module(name)
    assert (module.value, seen, faults) == (1, [module], [error])


def test_an_action_on_what_was_imported_already_may_fail_as_well(watch, faults):
    watch.when_imported("sys", lambda module: 1 / 0)
    assert [type(error) for error in faults] == [ZeroDivisionError]


def test_a_module_that_cannot_be_imported_raises_its_own_error(watch, write, faults):
    name, seen = write("raise ValueError('theirs')\n"), []
    watch.when_imported(name, seen.append)
    with pytest.raises(ValueError, match="theirs"):
        importlib.import_module(name)
    assert (seen, faults) == ([], [])


def test_a_second_attempt_is_acted_on(watch, write):
    name, seen = write("import sys\nif not hasattr(sys, 'again'): raise ValueError\n"), []
    watch.when_imported(name, seen.append)
    with pytest.raises(ValueError):
        importlib.import_module(name)
    sys.again = True
    try:
        module = importlib.import_module(name)
    finally:
        del sys.again
    assert seen == [module]


def test_a_module_that_does_not_exist_raises_as_ever(watch):
    watch.when_imported("sessionguard_nowhere", print)
    with pytest.raises(ModuleNotFoundError, match="sessionguard_nowhere"):
        importlib.import_module("sessionguard_nowhere")


def test_reloading_is_not_importing_for_the_first_time(watch, write):
    name, seen = write(), []
    watch.when_imported(name, seen.append)
    importlib.reload(importlib.import_module(name))
    assert len(seen) == 1


def test_other_imports_are_left_to_the_other_finders(watch, write):
    assert watch.find_spec(write(), None) is None


def test_a_loader_without_exec_module_is_left_alone(watch, monkeypatch):
    class Finder:
        @staticmethod
        def find_spec(name, path=None, target=None):
            if name == "sessionguard_odd":
                return importlib.machinery.ModuleSpec(name, types.SimpleNamespace())
            return None

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder])
    watch.when_imported("sessionguard_odd", print)
    assert watch.find_spec("sessionguard_odd", None) is None


def test_the_loader_is_itself_again_after_the_import(watch, write):
    name = write()
    watch.when_imported(name, lambda module: None)
    loader = importlib.import_module(name).__spec__.loader
    assert "exec_module" not in vars(loader)


def test_a_removed_watch_acts_no_more(watch, write):
    name, seen = write(), []
    watch.when_imported(name, seen.append)
    watch.remove()
    importlib.import_module(name)
    assert seen == []
    assert watch not in sys.meta_path


def test_a_warning_about_an_import_is_located_at_the_import(watch, write):
    name = write("import warnings\nwarnings.warn('old', DeprecationWarning, stacklevel=2)\n")
    watch.when_imported(name, lambda module: None)
    importer = write(f"value = 1\nimport {name}\n")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        module = importlib.import_module(importer)
    assert [(each.filename, each.lineno) for each in caught] == [(module.__file__, 2)]


def test_a_traceback_of_a_failed_import_shows_no_source_of_the_guard(watch, write):
    name = write("raise ValueError\n")
    watch.when_imported(name, lambda module: None)
    with pytest.raises(ValueError) as caught:
        importlib.import_module(name)
    assert not any(str(entry.path).endswith("observe/imports.py") for entry in caught.traceback)


class OneForAll:
    """A finder that is the loader of everything it finds, as pytest's own is."""

    def __init__(self, folder):
        self.folder = folder

    def find_spec(self, name, path=None, target=None):
        spec = importlib.machinery.PathFinder.find_spec(name, [str(self.folder)])
        return spec and importlib.util.spec_from_file_location(name, spec.origin, loader=self)

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        exec(Path(module.__file__).read_text(), vars(module))


def test_a_loader_of_several_modules_is_acted_on_for_the_right_one(
    watch, write, tmp_path, monkeypatch
):
    loader, seen = OneForAll(tmp_path), []
    monkeypatch.setattr(sys, "meta_path", [sys.meta_path[0], loader, *sys.meta_path[1:]])
    innermost = write()
    inner = write(f"import {innermost}\nvalue = 2\n")
    name = write(f"import {inner}\nvalue = 3\n")
    for each in (name, inner):
        watch.when_imported(each, lambda module: seen.append((module.__name__, module.value)))
    importlib.import_module(name)
    assert seen == [(inner, 2), (name, 3)]
    assert "exec_module" not in vars(loader)


def test_a_module_that_gives_itself_another_name_is_acted_on(watch, write):
    """gevent.event takes over everything of its twin in C, the name too."""
    name, seen = write("__name__ = 'its_twin'\n"), []
    watch.when_imported(name, lambda module: seen.append(module.__name__))
    importlib.import_module(name)
    assert seen == ["its_twin"]

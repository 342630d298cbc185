from __future__ import annotations

import inspect
import sys
import types
import warnings
from typing import Any

import pytest

from pytest_sessionguard.observe.hooks import Hooks, disguise

MISSING = object()


@pytest.fixture
def hooks() -> Hooks:
    return Hooks()


def make_library() -> types.ModuleType:
    """A module of somebody else's, with a class in it."""
    module = types.ModuleType("library")
    source = '''
import warnings

class Base:
    def inherited(self): return "inherited"

class Thing(Base):
    limit = 5

    def greet(self, name="you", *, loud=False):
        """Say hello."""
        return f"hello {name}" + "!" * loud

    @classmethod
    def make(cls): return cls

    @staticmethod
    def plain(value): return value

def deprecated():
    warnings.warn("old", DeprecationWarning, stacklevel=2)
'''
    exec(compile(source, "library.py", "exec"), module.__dict__)
    return module


@pytest.fixture
def library() -> types.ModuleType:
    return make_library()


def noting(notes: list[Any]) -> Any:
    """Makes wrappers that note their arguments."""

    def make(original: Any) -> Any:
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            notes.append((args, kwargs))
            return original(*args, **kwargs)

        return wrapper

    return make


# -- replacing and putting back ------------------------------------------------------------------


def test_what_was_replaced_is_put_back(hooks, library):
    hooks.replace(library.Thing, "limit", 7)
    assert library.Thing.limit == 7
    hooks.remove()
    assert library.Thing.limit == 5


def test_what_was_not_there_is_gone_again(hooks, library):
    hooks.replace(library.Thing, "fresh", 1)
    hooks.remove()
    assert not hasattr(library.Thing, "fresh")


def test_what_was_inherited_is_inherited_again(hooks, library):
    hooks.replace(library.Thing, "inherited", lambda self: "mine")
    hooks.remove()
    assert "inherited" not in vars(library.Thing)
    assert library.Thing().inherited() == "inherited"


def test_two_replacements_of_one_name_are_undone_in_turn(hooks, library):
    original = library.deprecated
    hooks.replace(library, "deprecated", 1)
    hooks.replace(library, "deprecated", 2)
    hooks.remove()
    assert library.deprecated is original


def test_what_others_have_replaced_since_is_left_alone(hooks, library):
    hooks.replace(library.Thing, "limit", 7)
    library.Thing.limit = 9
    hooks.remove()
    assert library.Thing.limit == 9


def test_removing_twice_does_no_harm(hooks, library):
    hooks.replace(library.Thing, "limit", 7)
    hooks.remove()
    library.Thing.limit = 7
    hooks.remove()
    assert library.Thing.limit == 7


def test_hooks_can_be_placed_again(hooks, library):
    for value in (7, 8):
        hooks.replace(library.Thing, "limit", value)
        hooks.remove()
    assert library.Thing.limit == 5


def test_actions_run_when_the_hooks_are_taken_away_and_once(hooks):
    done = []
    hooks.on_remove(lambda: done.append("first"))
    hooks.on_remove(lambda: done.append("second"))
    hooks.remove()
    hooks.remove()
    assert sorted(done) == ["first", "second"]


# -- wrapping ------------------------------------------------------------------------------------


def test_a_wrapped_method_is_called_with_its_object(hooks, library):
    notes: list[Any] = []
    hooks.wrap(library.Thing, "greet", noting(notes))
    thing = library.Thing()
    assert thing.greet("Ann", loud=True) == "hello Ann!"
    assert notes == [((thing, "Ann"), {"loud": True})]


def test_a_wrapped_method_is_itself_again_afterwards(hooks, library):
    original = vars(library.Thing)["greet"]
    hooks.wrap(library.Thing, "greet", noting([]))
    assert vars(library.Thing)["greet"] is not original
    hooks.remove()
    assert vars(library.Thing)["greet"] is original


@pytest.mark.parametrize(("name", "kind"), [("make", classmethod), ("plain", staticmethod)])
def test_class_and_static_methods_stay_what_they_are(hooks, library, name, kind):
    notes: list[Any] = []
    original = vars(library.Thing)[name]
    hooks.wrap(library.Thing, name, noting(notes))
    assert isinstance(vars(library.Thing)[name], kind)
    library.Thing.make()
    library.Thing().plain(3)
    assert len(notes) == 1
    hooks.remove()
    assert vars(library.Thing)[name] is original


def test_a_wrapped_classmethod_gets_the_subclass(hooks, library):
    hooks.wrap(library.Thing, "make", noting([]))
    subclass = type("Sub", (library.Thing,), {})
    assert subclass.make() is subclass


def test_what_this_version_does_not_have_is_passed_over(hooks, library):
    hooks.wrap(library.Thing, "not_yet_invented", noting([]))
    assert not hasattr(library.Thing, "not_yet_invented")


def test_an_inherited_method_is_not_wrapped_below(hooks, library):
    hooks.wrap(library.Thing, "inherited", noting([]))
    assert "inherited" not in vars(library.Thing)


# -- the disguise --------------------------------------------------------------------------------


def test_a_wrapper_looks_like_the_function_it_wraps(hooks, library):
    signature = inspect.signature(library.Thing.greet)
    hooks.wrap(library.Thing, "greet", noting([]))
    wrapped = library.Thing.greet
    assert (wrapped.__name__, wrapped.__doc__) == ("greet", "Say hello.")
    assert inspect.signature(wrapped) == signature


def test_a_wrapper_runs_under_the_module_name_of_what_it_wraps(library):
    seen = []

    def wrapper() -> None:
        seen.append(sys._getframe().f_globals["__name__"])

    disguise(wrapper, library.deprecated)()
    assert seen == ["library"]


def test_a_wrapper_keeps_its_own_globals_closure_and_defaults(library):
    enclosed = object()

    def wrapper(first=1, *, second=2):
        return enclosed, MISSING, first, second

    assert disguise(wrapper, library.deprecated)() == (enclosed, MISSING, 1, 2)


def test_what_is_not_a_function_cannot_be_disguised(library):
    wrapper = types.SimpleNamespace()
    assert disguise(wrapper, library.deprecated) is wrapper


def test_a_warning_that_skips_the_modules_own_frames_is_still_at_the_callers_line(hooks):
    """SQLAlchemy's way: outwards past all frames whose module name begins with its own."""
    module = types.ModuleType("library")
    source = """
import sys, warnings
def deprecated():
    level, frame = 1, sys._getframe()
    while frame.f_globals["__name__"].startswith("library"):
        level, frame = level + 1, frame.f_back
    warnings.warn("old", DeprecationWarning, stacklevel=level)
"""
    exec(compile(source, "library.py", "exec"), module.__dict__)
    hooks.wrap(module, "deprecated", noting([]))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        line = sys._getframe().f_lineno + 1
        module.deprecated()
    assert (caught[0].filename, caught[0].lineno) == (__file__, line)


def test_copies_in_a_package_s_modules_are_put_back_too(hooks, monkeypatch):
    owner, plain, ours = types.ModuleType("owner"), object(), object()
    owner.thing = plain
    copies, others = types.ModuleType("copying.inner"), types.ModuleType("elsewhere")
    for module in (copies, others):
        monkeypatch.setitem(sys.modules, module.__name__, module)
        module.mine = ours
    hooks.replace(owner, "thing", ours)
    hooks.copied_by("copying")
    hooks.remove()
    assert (owner.thing, copies.mine, others.mine) == (plain, plain, ours)

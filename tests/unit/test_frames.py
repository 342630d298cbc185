from __future__ import annotations

import sys
import sysconfig
import weakref
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import greenlet
import pytest

from pytest_sessionguard.events import Site
from pytest_sessionguard.observe.frames import (
    STACK_LIMIT,
    Frames,
    in_finalizer,
    walk,
)
from pytest_sessionguard.observe.roles import OWN_ROOM, Roles

ROOT = Path("/project")
APP, TEST = f"{ROOT}/shop/views.py", f"{ROOT}/tests/test_views.py"
SITE_PACKAGES = "/env/lib/python3.11/site-packages"
LIBRARY = f"{SITE_PACKAGES}/flask/app.py"
STDLIB = f"{sysconfig.get_paths()['stdlib']}/threading.py"


def roles(**options: Any) -> Roles:
    return Roles(ROOT, **options)


# -- roles -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filename", "role"),
    [
        (APP, "app"),
        (f"{ROOT}/manage.py", "app"),
        (TEST, "test"),
        (f"{ROOT}/shop/views_test.py", "test"),
        (f"{ROOT}/conftest.py", "test"),
        (f"{ROOT}/tests/helpers.py", "test"),
        (f"{ROOT}/shop/test/helpers.py", "test"),
        (LIBRARY, "library"),
        ("/usr/lib/python3/dist-packages/flask/app.py", "library"),
        (STDLIB, "library"),
        ("<frozen importlib._bootstrap>", "library"),
        ("<string>", "library"),
        (f"{OWN_ROOM}/observe/sessions.py", "guard"),
    ],
)
def test_whose_file_it_is(filename, role):
    assert roles()[filename] == role


def test_the_test_files_are_those_that_pytest_takes():
    chosen = roles(test_patterns=("check_*.py",))
    assert chosen[f"{ROOT}/check_views.py"] == "test"
    assert chosen[f"{ROOT}/test_views.py"] == "app"


def test_an_installed_package_may_be_under_test():
    chosen = roles(packages=["shop"])
    assert chosen[f"{SITE_PACKAGES}/shop/views.py"] == "app"
    assert chosen[f"{SITE_PACKAGES}/shop.py"] == "app"
    assert chosen[f"{SITE_PACKAGES}/shopping/views.py"] == "library"
    assert chosen[LIBRARY] == "library"


def test_an_app_outside_the_root_is_still_an_app():
    assert roles()["/elsewhere/src/shop/views.py"] == "app"


def test_a_folder_called_tests_outside_the_root_makes_no_test():
    assert roles()["/home/tests/shop/views.py"] == "app"


def test_a_root_below_a_folder_called_tests_makes_no_test():
    assert Roles(Path("/home/tests/project"))["/home/tests/project/shop/views.py"] == "app"


def test_a_folder_may_be_a_library_although_it_lies_below_the_root():
    chosen = roles(libraries=[f"{ROOT}/vendor/"])
    assert chosen[f"{ROOT}/vendor/x.py"] == "library"
    assert chosen[APP] == "app"


def test_a_library_that_is_added_later_counts_for_known_files_too():
    chosen = roles()
    assert chosen[APP] == "app"
    chosen.add_library(f"{ROOT}/shop")
    assert chosen[APP] == "library"
    assert chosen[f"{ROOT}/shopping/views.py"] == "app"


# -- names -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filename", "shown"),
    [
        (APP, "shop/views.py"),
        (LIBRARY, "flask/app.py"),
        ("/elsewhere/shop/views.py", "/elsewhere/shop/views.py"),
    ],
)
def test_paths_are_shown_from_the_root_or_from_site_packages(filename, shown):
    assert roles().shown(filename) == shown


# -- stacks ----------------------------------------------------------------------------------------

Call = Callable[[], Any]


def code(filename: str, source: str) -> CodeType:
    return compile(source, filename, "exec")


def through(filename: str, name: str, then: Call, module: str = "module") -> Call:
    """A function ``name`` of a file, whose second line calls ``then``."""
    names: dict[str, Any] = {"__name__": module, "then": then}
    exec(code(filename, f"def {name}():\n    return then()\n"), names)
    return names[name]


def frame() -> FrameType | None:
    return sys._getframe(1)


@pytest.fixture
def frames() -> Frames:
    """Frames for which this very file and pytest are libraries."""
    return Frames(roles(libraries=[__file__]))


def site(filename: str, line: int, function: str, role: str = "app") -> Site:
    return Site(roles().shown(filename), line, function, role)


def test_the_nearest_line_of_the_users_is_found_behind_libraries(frames):
    call = through(TEST, "test_it", through(APP, "view", through(LIBRARY, "dispatch", frame)))
    assert frames.nearest(call()) == (site(APP, 2, "view"),)


def test_all_lines_of_the_users_are_told_innermost_first(frames):
    call = through(TEST, "test_it", through(LIBRARY, "dispatch", through(APP, "view", frame)))
    assert frames.stack(call()) == (
        site(APP, 2, "view"),
        site(TEST, 2, "test_it", "test"),
    )


def test_nobody_but_libraries_is_nobody(frames):
    call = through(LIBRARY, "dispatch", frame)
    assert (frames.nearest(call()), frames.stack(call())) == ((), ())
    assert (frames.nearest(None), frames.stack(None)) == ((), ())


def test_a_deep_recursion_is_cut(frames):
    call: Call = frame
    for _ in range(STACK_LIMIT * 2):
        call = through(APP, "view", call)
    assert len(frames.stack(call())) == STACK_LIMIT


@pytest.mark.parametrize("name", ["serve_wsgi", "serve_asgi"])
def test_lines_below_a_request_belong_to_whoever_sent_it(frames, name):
    serve = through(f"{OWN_ROOM}/observe/requests.py", name, through(APP, "view", frame))
    call = through(TEST, "test_it", serve)
    assert frames.stack(call()) == (site(APP, 2, "view"),)


def test_a_users_function_of_that_name_is_no_boundary(frames):
    call = through(TEST, "test_it", through(APP, "serve_wsgi", frame))
    assert len(frames.stack(call())) == 2


def test_lines_below_a_loop_callback_belong_to_the_loop(frames):
    events = str(Path(STDLIB).parent / "asyncio" / "events.py")
    run = through(events, "_run", through(APP, "view", frame))
    assert frames.stack(through(TEST, "test_it", run)()) == (site(APP, 2, "view"),)


def test_lines_below_a_test_belong_to_nobody(frames):
    call = through(f"{SITE_PACKAGES}/_pytest/python.py", "pytest_pyfunc_call", frame)
    outer = through(f"{ROOT}/conftest.py", "pytest_runtest_call", call)
    assert (frames.nearest(outer()), frames.stack(outer())) == ((), ())


def test_behind_a_boundary_there_is_no_nearest_line_either(frames):
    serve = through(f"{OWN_ROOM}/observe/requests.py", "serve_wsgi", frame)
    assert frames.nearest(through(TEST, "test_it", serve)()) == ()


def test_sites_are_interned(frames):
    call = through(APP, "view", frame)
    assert frames.nearest(call())[0] is frames.nearest(call())[0]


def test_two_lines_of_one_function_are_two_sites(frames):
    names: dict[str, Any] = {"here": lambda: frames.nearest(sys._getframe(1))[0].line}
    exec(code(APP, "def view():\n    first = here()\n    return first, here()\n"), names)
    assert names["view"]() == (2, 3)


def test_a_line_of_the_guard_is_shown_as_a_librarys():
    assert Frames(roles()).site_of(f"{OWN_ROOM}/guard.py", 3, "start").role == "library"


def test_a_line_that_no_user_called_is_the_innermost_outside_of_sqlalchemy(frames):
    inner = through(f"{SITE_PACKAGES}/sqlalchemy/orm/session.py", "get", frame, "sqlalchemy.orm")
    call = through(LIBRARY, "dispatch", inner)
    assert frames.library(call()) == (site(LIBRARY, 2, "dispatch", "library"),)


# -- who started the work ---------------------------------------------------------------------------


@pytest.mark.parametrize(("filename", "users"), [(APP, True), (TEST, True), (LIBRARY, False)])
def test_work_is_the_users_if_the_user_called_what_starts_it(frames, filename, users):
    start = through(STDLIB, "start", frame, module="threading")
    assert frames.spawned_by_user(through(filename, "serve", start)()) is users


def test_work_that_a_library_starts_for_the_user_is_the_librarys(frames):
    start = through(STDLIB, "start", frame, module="threading")
    call = through(APP, "view", through(LIBRARY, "serve", start))
    assert not frames.spawned_by_user(call())


# -- functions that are about to end -----------------------------------------------------------------


def test_a_function_may_be_about_to_end_with_its_line(frames):
    call = through(APP, "view", frame)
    assert frames.leaving(call()) == site(APP, 2, "view")


def test_a_module_never_ends(frames):
    names: dict[str, Any] = {"frame": frame}
    exec(code(APP, "found = frame()\n"), names)
    assert frames.leaving(names["found"]) is None


GENERATOR = """
def get_db():
    check(frame())
    yield
    check(frame())
"""
ASYNC_GENERATOR = """
import types

@types.coroutine
def pause():
    yield

async def get_db():
    await pause()
    check(frame())
    yield
    check(frame())
"""


def checked(source: str, frames: Frames) -> tuple[dict[str, Any], list[Site | None]]:
    found: list[Site | None] = []
    names: dict[str, Any] = {
        "frame": frame,
        "check": lambda each: found.append(frames.leaving(each)),
    }
    exec(code(APP, source), names)
    return names, found


def test_a_generator_ends_only_after_its_first_yield(frames):
    names, found = checked(GENERATOR, frames)
    list(names["get_db"]())
    assert found == [None, site(APP, 5, "get_db")]


def drive(step: Any) -> None:
    """Run one step of an async generator, passing over its pauses."""
    try:
        while True:
            step.send(None)
    except (StopIteration, StopAsyncIteration):
        pass


def test_awaiting_is_not_yielding(frames):
    names, found = checked(ASYNC_GENERATOR, frames)
    generator = names["get_db"]()
    drive(generator.asend(None))
    drive(generator.asend(None))
    assert found == [None, site(APP, 12, "get_db")]


# -- stacks that were cut off --------------------------------------------------------------------------


class Spawned(greenlet.greenlet):  # type: ignore[misc]
    """As ``greenlet_spawn`` makes them."""

    __sqlalchemy_greenlet_provider__ = True


def test_a_stack_goes_on_where_greenlet_spawn_cut_it_off(frames):
    inner = through(APP, "load", lambda: frames.stack(frame()))
    spawn = through(LIBRARY, "greenlet_spawn", lambda: Spawned(inner).switch())
    assert through(TEST, "test_it", spawn)() == (
        site(APP, 2, "load"),
        site(TEST, 2, "test_it", "test"),
    )


def test_another_greenlet_was_not_called_by_its_parent(frames):
    inner = through(APP, "load", lambda: frames.stack(frame()))
    call = through(TEST, "test_it", lambda: greenlet.greenlet(inner).switch())
    assert call() == (site(APP, 2, "load"),)


def test_walking_from_nowhere_ends_at_once():
    assert list(walk(None)) == []


def test_a_finalizer_is_told_however_deep():
    class Owner:
        def __del__(self):
            found.append(in_finalizer(sys._getframe()))

    def finalized():
        found.append(in_finalizer(sys._getframe()))

    found: list[bool] = []
    owner = Owner()
    weakref.finalize(owner, finalized)
    finalized()
    del owner
    assert found == [False, True, True]


@pytest.mark.parametrize(
    ("source", "role"),
    [
        ("import pytest\n", "test"),
        ("from unittest import TestCase\n", "test"),
        ("import os\n", "app"),
        ("import pytest_of_ours\n", "app"),
    ],
)
def test_a_module_at_the_root_is_the_tests_if_it_imports_what_tests_do(tmp_path, source, role):
    helper = tmp_path / "helpers.py"
    helper.write_text(source)
    assert Roles(tmp_path)[str(helper)] == role

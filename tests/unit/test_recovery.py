from __future__ import annotations

from pytest_sessionguard.events import Site
from pytest_sessionguard.observe.recovery import is_same_call


def stack(*lines: tuple[str, int]) -> tuple[Site, ...]:
    return tuple(Site("app.py", line, function) for function, line in lines)


ASKED = stack(("name_of", 12), ("view", 30), ("test_view", 50))


def test_another_line_of_the_call_that_asked():
    assert is_same_call(ASKED, stack(("name_of", 14), ("view", 30), ("test_view", 50)))


def test_what_it_calls():
    now = stack(("load", 3), ("name_of", 14), ("view", 30), ("test_view", 50))
    assert is_same_call(ASKED, now)


def test_the_caller_is_another_call():
    assert not is_same_call(ASKED, stack(("view", 31), ("test_view", 50)))


def test_the_same_function_called_from_another_line():
    assert not is_same_call(ASKED, stack(("name_of", 14), ("view", 33), ("test_view", 50)))


def test_where_a_stack_was_cut_off():
    assert is_same_call(ASKED, stack(("load", 3), ("name_of", 14), ("view", 30)))

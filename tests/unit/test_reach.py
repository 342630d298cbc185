from __future__ import annotations

import functools
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_sessionguard.clocks import Epoch
from pytest_sessionguard.events import Site
from pytest_sessionguard.observe import reach
from pytest_sessionguard.observe.strand import Strand, Worker
from unit.tracing import app


class Session:
    """Stands for a Session: reaching goes by identity."""


class Box:
    def __init__(self, content: Any) -> None:
        self.content = content

    def open(self) -> None: ...


@pytest.fixture
def session() -> Session:
    return Session()


def started(*args: Any, target: Any = print, **kwargs: Any) -> tuple[Any, ...]:
    """What ``Thread(target=target, args=args, kwargs=kwargs)`` is started with."""
    return target, args, kwargs


def closing_over(thing: Any) -> Any:
    return lambda: thing


async def suspended(thing: Any) -> Any:
    return thing


# -- what is reached ------------------------------------------------------------------------------


WAYS = {
    "argument": lambda s: started(s),
    "keyword": lambda s: started(session=s),
    "item of a list": lambda s: started([s]),
    "value of a dict": lambda s: started({"session": s}),
    "attribute": lambda s: started(Box(s)),
    "attribute of an attribute": lambda s: started(Box(Box(s))),
    "closure": lambda s: started(target=closing_over(s)),
    "self": lambda s: started(target=Box(s).open),
    "partial": lambda s: started(target=functools.partial(print, s)),
    "keyword of a partial": lambda s: started(target=functools.partial(print, end=s)),
    "async session": lambda s: started(SimpleNamespace(sync_session=s)),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_session_is_reached_by(way, session):
    assert reach.holds(WAYS[way](session), session)


def test_a_session_is_reached_in_a_coroutine_that_has_not_run(session):
    coroutine = suspended(session)
    assert reach.holds([coroutine], session)
    coroutine.close()


def test_a_session_is_reached_in_a_generator_that_waits(session):
    def generator(thing):
        yield thing

    waiting = generator(session)
    next(waiting)
    assert reach.holds([waiting], session)


def test_another_session_is_not_this_one(session):
    assert not reach.holds(started(Session(), [Session()]), session)


def test_what_lies_deeper_is_not_reached(session):
    assert not reach.holds(started(Box(Box(Box(session)))), session)


def test_a_circle_is_walked_once(session):
    box = Box(None)
    box.content = [box]
    assert not reach.holds(started(box), session)


def test_a_big_collection_is_not_searched_to_its_end(session):
    big = [object() for _ in range(10_000)]
    assert not reach.holds(started([*big, session]), session)


def test_plain_values_cost_nothing_of_the_limit(session):
    assert reach.holds(started(*range(50), session), session)


def test_a_cell_that_is_not_filled_yet_holds_nothing(session):
    def early():
        return later

    assert not reach.holds(started(target=early), session)
    later = session
    assert reach.holds(started(target=early), session)


def test_a_class_or_module_is_not_searched(session):
    holder = type("Holder", (), {"session": session})
    assert not reach.holds(started(holder, reach), session)


# -- a living coroutine -----------------------------------------------------------------------------


def test_a_coroutine_reaches_its_locals_and_what_they_close_over(session):
    direct, closed = suspended(session), suspended(closing_over(session))
    assert reach.reaches_directly(direct, session)
    assert reach.reaches_directly(closed, session)
    direct.close()
    closed.close()


def test_an_object_that_has_a_session_is_not_direct(session):
    coroutine = suspended(Box(session))
    assert not reach.reaches_directly(coroutine, session)
    coroutine.close()


def test_a_coroutine_that_has_ended_reaches_nothing(session):
    coroutine = suspended(session)
    coroutine.close()
    assert not reach.reaches_directly(coroutine, session)
    assert reach.coroutine_locals(coroutine) == []


# -- whose arguments they were ---------------------------------------------------------------------


def strand(token: int, *things: Any, parent: Strand | None = None, at: int = 20) -> Strand:
    worker = Worker(token, "thread", "thread", None, None)
    made = Strand(token, "thread", "thread", parent, worker, Epoch())
    made.spawned = (app(at),)
    made.reach = lambda: things
    return made


def bound(of: Strand, session: Any) -> list[tuple[int, Site]]:
    return [(each.token, site) for each, site in reach.bindings(of, session)]


def test_the_line_that_started_a_strand_bound_its_arguments(session):
    assert bound(strand(1, session), session) == [(1, app(20))]


def test_what_a_strand_made_or_looked_up_itself_was_not_bound(session):
    assert bound(strand(1, Session()), session) == []


def test_whoever_started_it_may_have_been_given_the_session(session):
    parent = strand(1, session, at=20)
    assert bound(strand(2, parent=parent, at=30), session) == [(1, app(20))]


def test_both_may_have_been_given_it(session):
    parent = strand(1, session, at=20)
    child = strand(2, session, parent=parent, at=30)
    assert bound(child, session) == [(2, app(30)), (1, app(20))]


def test_a_strand_without_a_line_of_the_users_bound_nothing(session):
    made = strand(1, session)
    made.spawned = ()
    assert bound(made, session) == []


def test_a_strand_whose_start_was_not_seen_bound_nothing(session):
    made = strand(1, session)
    made.reach = None
    assert bound(made, session) == []


def test_an_instance_is_found_by_identity():
    instance, equal = [], []
    first = strand(1, Box(instance))
    assert reach.instance_binding(first, instance) == (first, app(20))
    assert reach.instance_binding(strand(1, Box(equal)), instance) is None


def test_an_instance_given_to_the_parent_is_found_there():
    instance = object()
    parent = strand(1, instance, at=20)
    assert reach.instance_binding(strand(2, parent=parent, at=30), instance) == (parent, app(20))

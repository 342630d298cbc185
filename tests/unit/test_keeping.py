"""Who keeps an object, asked of the collector: the nearest names, as a reader would say them."""

from __future__ import annotations

import functools
import sys
import types

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase

from pytest_sessionguard.observe import keeping


class Thing:
    pass


class Holder:
    things: dict[str, Thing] = {}

    def __init__(self, thing=None):
        self.thing = thing


def module(**names):
    made = types.ModuleType("keeping_shop")
    vars(made).update(names)
    sys.modules["keeping_shop"] = made
    return made


def ways(thing):
    """The names on each way up, innermost first."""
    return [
        [(each.kind, each.name) for each in node.chain()]
        for node in keeping.ways_up(thing, lambda node: True)
    ]


def names(thing):
    return [
        keeping.name_of(node)
        for node in keeping.ways_up(thing, lambda node: True)
        if node.kind in ("variable", "attribute", "closure", "default", "cache")
    ]


def test_a_modules_variable_and_its_dictionary(monkeypatch):
    thing = Thing()
    monkeypatch.setitem(sys.modules, "keeping_shop", None)
    kept = module(CACHE={1: thing})
    assert [("key", ""), ("variable", "CACHE")] in ways(thing)
    assert "keeping_shop.CACHE" in names(thing)
    del kept


def test_an_attribute_of_an_object_and_of_a_class():
    thing, other = Thing(), Thing()
    holder = Holder(thing)
    assert [("attribute", "thing")] in ways(thing)
    Holder.things["other"] = other
    try:
        assert [("key", "other"), ("attribute", "things")] in ways(other)
        assert {"Holder.thing", "Holder.things"} <= {*names(thing), *names(other)}
    finally:
        Holder.things.clear()
    del holder


def test_a_closure_and_a_default():
    thing, other = Thing(), Thing()

    def closed():
        return thing

    def defaulted(key, kept=other):
        return key, kept

    assert [("closure", "thing")] in ways(thing)
    assert [("default", "kept")] in ways(other)
    assert closed() is thing
    assert defaulted(1)[1] is other


def test_the_caches_of_decorators():
    @functools.lru_cache
    def load(number):
        return Thing()

    def remember(function):
        seen = {}

        @functools.wraps(function)
        def wrapper(number):
            return seen.setdefault(number, function(number))

        return wrapper

    @remember
    def find(number):
        return Thing()

    (cache,) = [n for n in keeping.ways_up(load(1), lambda n: True) if n.kind == "cache"]
    assert keeping.wrapped(cache) is load.__wrapped__
    (cache,) = [n for n in keeping.ways_up(find(1), lambda n: True) if n.name == "seen"]
    assert keeping.wrapped(cache) is find.__wrapped__
    assert keeping.name_of(cache).startswith("the wrapper of test_the_caches_of_decorators")


def test_locals_generators_and_exceptions_keep_nothing():
    thing = Thing()

    def generate():
        kept = thing
        yield kept

    running = generate()
    next(running)
    error = ValueError(thing)
    kinds = {type(node.thing) for node in keeping.ways_up(thing, lambda node: True)}
    assert not kinds & {types.FrameType, types.GeneratorType, ValueError}
    assert error.args == (thing,)


def test_where_it_may_not_pass_it_does_not_go_on():
    thing = Thing()
    holder = Holder([thing])
    found = keeping.ways_up(thing, lambda node: node.kind != "item")
    assert [node.kind for node in found if node.thing is not holder].count("attribute") == 0


def test_an_attribute_of_an_object_that_is_a_dictionary_as_well():
    class Registry(dict):  # type: ignore[type-arg]
        pass

    thing, registry = Thing(), Registry(other=1)
    registry.db = thing
    assert [("attribute", "db")] in ways(thing)


class Slotted:
    __slots__ = ("thing",)


def test_a_slot_has_a_name():
    thing, holder = Thing(), Slotted()
    holder.thing = thing
    assert [("attribute", "thing")] in ways(thing)


def test_a_class_of_models():
    class Base(DeclarativeBase):
        kept = None

    Base.kept = thing = Thing()
    assert [("attribute", "kept")] in ways(thing)


def test_an_asynchronous_session_is_one_thing_with_its_own():
    made = AsyncSession()
    holder = Holder(made)
    chains = [
        keeping.users_chain(node) for node in keeping.ways_up(made.sync_session, lambda n: True)
    ]
    assert [("attribute", "thing")] in [[(n.kind, n.name) for n in each] for each in chains]
    del holder

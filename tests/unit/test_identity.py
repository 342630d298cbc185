from __future__ import annotations

import gc

from pytest_sessionguard.observe.identity import ByIdentity


class Thing:
    """Equal to all others of its kind, and so not hashable."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Thing)


def test_equal_things_are_told_apart():
    known, one, other = ByIdentity[str](), Thing(), Thing()
    known[one] = "one"
    assert known.get(one) == "one"
    assert known.get(other) is None
    assert one in known
    assert other not in known


def test_what_is_known_can_change():
    known, thing = ByIdentity[int](), Thing()
    known[thing] = 1
    known[thing] = 2
    assert known.items() == [(thing, 2)]


def test_a_thing_that_has_ended_is_forgotten():
    known, thing = ByIdentity[int](), Thing()
    known[thing] = 1
    known[thing] = 2
    del thing
    gc.collect()
    assert len(known) == 0
    assert known.items() == []

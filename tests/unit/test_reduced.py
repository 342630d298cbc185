"""The reduced search against full enumeration: the same outcomes, and one order of each class."""

from __future__ import annotations

import random

import pytest

from pytest_sessionguard.schedule.bounded import Bounded
from pytest_sessionguard.schedule.footprints import Footprint, Notes, meet
from pytest_sessionguard.schedule.reduced import Reduced
from pytest_sessionguard.schedule.strategy import Execution, Segment
from unit.touching import Script, drop, get, program, put, read, search, take, write

NO_BOUND = 99


def names(*each: str) -> frozenset[str]:
    return frozenset(each)


# -- footprints ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (Footprint(), Footprint(writes=names("a")), False),
        (Footprint(names("a")), Footprint(names("a")), False),
        (Footprint(names("a")), Footprint(writes=names("a")), True),
        (Footprint(writes=names("a")), Footprint(writes=names("a")), True),
        (Footprint(names("a"), names("b")), Footprint(names("a"), names("c")), False),
    ],
)
def test_two_meet_when_one_writes_what_the_other_touches(one, other, expected):
    assert meet(one, other) == meet(other, one) == expected


def test_whoever_has_touched_a_session_reads_it_from_then_on():
    notes = Notes(2)
    notes.stick(0, "session")
    assert notes.close(0) == Footprint(names("session"), names("session"))
    notes.write(0, "table")
    assert notes.close(0) == Footprint(names("session"), names("table"))
    assert notes.close(0) == Footprint(names("session"))
    assert notes.close(1) == Footprint()


# -- by hand -------------------------------------------------------------------------------------

LOCKED = [[take("L"), read("t")], [write("t"), drop("L")]]
SELECT_THEN_UPDATE = [[read("t")], [take("L")], [write("t"), drop("L")]]


@pytest.mark.parametrize(
    ("scripts", "classes"),
    [
        ([[[read("t")]] * 3, [[read("t")]] * 3], 1),
        ([[[write("t")]] * 2, [[write("u")]] * 2], 1),
        ([[[write("t")]], [[write("t")]]], 2),
        ([[[write("t")]] * 2, [[write("t")]] * 2], 6),
        ([[[write("t")]] * 4, [[write("t")]] * 4], 70),
        ([[[write("t")], [read("u")]], [[read("t")], [write("u")]]], 4),
        ([LOCKED, LOCKED], 2),
        ([LOCKED, LOCKED, LOCKED], 6),
        ([SELECT_THEN_UPDATE, SELECT_THEN_UPDATE], 4),
    ],
    ids=[
        "reads", "apart", "one_write_each", "two_writes_each", "four_writes_each", "crosswise",
        "locked", "three_locked", "select_then_update",
    ],
)  # fmt: skip
def test_so_many_classes_and_one_execution_of_each(scripts, classes):
    reduced = Reduced()
    found = search(reduced, *scripts)
    assert len(found.classes) == classes
    assert found.executions == classes
    assert reduced.coverage().complete
    assert reduced.coverage().cut is None


def test_it_is_estimated_how_many_there_are():
    reduced = Reduced()
    writes: Script = [[write("t")]] * 4
    for _ in range(20):
        search(reduced, writes, writes, most=21, stop_after=1)
    assert not reduced.coverage().complete
    assert 40 < reduced.estimate <= 140, "70 in truth"


# -- by chance -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seeds", [range(at, at + 8) for at in range(0, 32, 8)], ids=str)
def test_it_finds_what_full_enumeration_finds(seeds):
    for seed in seeds:
        scripts, alike = program(seed)
        full = search(Bounded(NO_BOUND), *scripts, alike=alike)
        for dice in (None, random.Random(seed)):
            reduced = Reduced()
            reduced.dice = dice
            found = search(reduced, *scripts, alike=alike)
            assert found.outcomes == full.outcomes, seed
            assert found.classes == full.classes or alike, seed
            assert reduced.coverage().complete
            assert found.executions <= 1.5 * len(found.classes), seed
            assert found.executions <= full.executions


@pytest.mark.parametrize("bound", [0, 1, 2])
def test_within_a_bound_it_finds_what_the_plain_search_finds(bound):
    for seed in range(12):
        scripts, alike = program(seed)
        plain = search(Bounded(bound), *scripts, alike=alike)
        found = search(Reduced(bound), *scripts, alike=alike)
        assert plain.outcomes <= found.outcomes, seed


def test_what_a_bound_cuts_off_is_told():
    reduced = Reduced(0)
    search(reduced, [[write("t")]] * 2, [[write("t")]] * 2)
    assert not reduced.coverage().complete
    assert reduced.coverage().cut == "preemptions"


@pytest.mark.parametrize("part", ["reads", "writes", "takes"])
def test_a_footprint_with_a_part_left_out_loses_outcomes(part, monkeypatch):
    """So these tests can fail: the reduction rests on whole footprints."""
    close = Notes.close

    def without(self: Notes, number: int, undone: bool = False) -> Footprint:
        whole = close(self, number, undone)
        kept = {each: names() for each in (part, *(["writes"] if part == "takes" else []))}
        return whole._replace(**kept)

    monkeypatch.setattr(Notes, "close", without)
    lost = 0
    for seed in range(15):
        scripts, alike = program(seed)
        full = search(Bounded(NO_BOUND), *scripts, alike=alike)
        lost += search(Reduced(), *scripts, alike=alike).outcomes != full.outcomes
    assert lost


def from_a_pool(seed: int, told: bool = True) -> list[Script]:
    """Workers that get slots of a pool that is too small for all of them, or for each alone."""
    dice = random.Random(seed)
    workers, size = dice.choice(((2, 1), (2, 2), (3, 1), (3, 2)))

    def one() -> Script:
        use = dice.choice((read, write))(dice.choice("ab"))
        first, last = get("pool", size, told), put("pool")
        if workers == 3:
            return [[first, use], [last]]
        return (
            [[first], [first, use, last], [last]]
            if dice.random() < 0.5
            else [[first], [use], [last]]
        )

    return [one() for _ in range(workers)]


def test_what_waits_for_a_pool_is_found_as_by_full_enumeration():
    for seed in range(12):
        scripts = from_a_pool(seed)
        full = search(Bounded(NO_BOUND), *scripts)
        reduced = Reduced()
        found = search(reduced, *scripts)
        assert found.outcomes == full.outcomes, seed
        assert reduced.coverage().complete


def test_who_waits_for_a_slot_must_be_noted_before():
    lost = 0
    for seed in range(6):
        scripts = from_a_pool(seed, told=False)
        lost += search(Reduced(), *scripts).outcomes != search(Bounded(NO_BOUND), *scripts).outcomes
    assert lost


# -- when something is wrong -----------------------------------------------------------------------


def test_one_schedule_that_leads_two_ways_is_not_complete():
    reduced = Reduced()
    assert reduced.next() == ()
    shared = Footprint(writes=names("t"))
    able = (0, 1)
    reduced.ran(
        Execution(
            (), (), (), 0, (Segment(0, able, 0, True, shared), Segment(1, (1,), None, True, shared))
        )
    )
    assert reduced.next() == (1,)
    reduced.ran(Execution((1,), (), (), 0, (Segment(0, (0,), None, True, shared),)))
    assert reduced.next() is None
    assert not reduced.coverage().complete
    assert reduced.coverage().cut == "drift"


def test_a_test_without_a_concurrent_part_is_complete_at_once():
    reduced = Reduced()
    assert reduced.next() == ()
    reduced.ran(Execution((), (), ()))
    assert reduced.next() is None
    assert reduced.coverage().complete


def test_the_workers_of_a_later_part_are_after_those_of_an_earlier_one():
    """Two parts of two workers: the orders of one do not double those of the other by name."""
    reduced = Reduced()
    assert reduced.next() == ()
    write_t = Footprint(writes=names("t"))
    segments = (
        Segment(0, (0, 1), 0, True, write_t), Segment(1, (1,), None, True, write_t),
        Segment(2, (2, 3), 1, True, write_t, part=1), Segment(3, (3,), None, True, write_t, part=1),
    )  # fmt: skip
    reduced.ran(Execution((), (), (), 0, segments))
    assert reduced.next() == (0, 1), "the later part is turned round"
    assert len(reduced._wishes) == 1, "and the earlier one; but not the one against the other"

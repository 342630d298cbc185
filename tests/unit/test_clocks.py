from __future__ import annotations

import random

import pytest

from pytest_sessionguard.clocks import Clock, Epoch, Snapshot, is_ordered, merged

A, B, C = 1, 2, 3


@pytest.fixture
def epoch() -> Epoch:
    return Epoch()


def clock(strand: int, epoch: Epoch, operations: int = 0) -> Clock:
    made = Clock(strand, epoch)
    for _ in range(operations):
        made.advance()
    return made


def test_operations_of_a_strand_are_numbered_from_one(epoch):
    fresh = Clock(A, epoch)
    assert [fresh.advance(), fresh.advance()] == [1, 2]


def test_nothing_is_ordered_before_a_strand_that_was_told_nothing(epoch):
    a, b = clock(A, epoch, 1), clock(B, epoch, 1)
    assert not is_ordered(A, a.tick, b.seen)
    assert not is_ordered(B, b.tick, a.seen)


def test_a_merged_snapshot_teaches_its_last_giver_about_the_others(epoch):
    a, b = clock(A, epoch, 1), clock(B, epoch, 1)
    b.join(merged(a.export(), b.export()))
    assert is_ordered(A, 1, b.seen)


def test_what_was_passed_on_is_ordered_and_what_came_later_is_not(epoch):
    a, b = clock(A, epoch, 1), clock(B, epoch)
    b.join(a.export())
    later = a.advance()
    assert is_ordered(A, 1, b.seen)
    assert not is_ordered(A, later, b.seen)


def test_order_is_transitive(epoch):
    a, b, c = clock(A, epoch, 1), clock(B, epoch, 1), clock(C, epoch)
    b.join(a.export())
    c.join(b.export())
    assert is_ordered(A, 1, c.seen)
    assert is_ordered(B, 1, c.seen)


def test_order_passes_through_a_strand_without_operations(epoch):
    a, between, c = clock(A, epoch, 1), clock(B, epoch), clock(C, epoch)
    between.join(a.export())
    c.join(between.export())
    assert is_ordered(A, 1, c.seen)


def test_order_goes_one_way(epoch):
    a, b = clock(A, epoch, 1), clock(B, epoch, 1)
    b.join(a.export())
    assert not is_ordered(B, 1, a.seen)


def test_a_strand_that_did_and_saw_nothing_has_nothing_to_pass_on(epoch):
    assert Clock(A, epoch).export() is None


def test_joining_nothing_changes_nothing(epoch):
    a = clock(A, epoch, 1)
    a.join(None)
    assert dict(a.seen) == {}


def test_a_strand_sees_of_itself_what_it_has_passed_on_and_no_more(epoch):
    a, b = clock(A, epoch, 2), clock(B, epoch, 1)
    b.join(a.export())
    a.join(b.export())
    a.join(a.export())
    a.advance()
    assert dict(a.seen) == {A: 2, B: 1}


def test_joining_an_older_snapshot_forgets_nothing(epoch):
    a, b = clock(A, epoch, 1), clock(B, epoch)
    early = a.export()
    a.advance()
    b.join(a.export())
    b.join(early)
    assert dict(b.seen) == {A: 2}


def test_what_an_event_refers_to_is_never_changed(epoch):
    a, b = clock(A, epoch, 1), clock(B, epoch)
    before = b.seen
    b.join(a.export())
    assert dict(before) == {}


def test_a_join_that_teaches_nothing_keeps_the_same_object(epoch):
    a, b = clock(A, epoch, 1), clock(B, epoch)
    b.join(a.export())
    known = b.seen
    b.join(a.export())
    assert b.seen is known


def test_the_last_tick_that_was_passed_on_is_remembered(epoch):
    a = clock(A, epoch, 2)
    assert a.passed_on < 2
    a.export()
    a.advance()
    assert (a.passed_on, a.tick) == (2, 3)


def test_replacing_forgets_what_was_seen_before(epoch):
    a, b, pool_thread = clock(A, epoch, 1), clock(B, epoch, 1), clock(C, epoch)
    pool_thread.join(a.export())
    pool_thread.replace(b.export())
    assert dict(pool_thread.seen) == {B: 1}


def test_the_next_test_begins_with_empty_clocks(epoch):
    a, b = clock(A, epoch, 1), clock(B, epoch, 1)
    b.join(a.export())
    epoch.begin()
    assert dict(b.seen) == {}
    assert b.export() is None


def test_a_snapshot_of_an_earlier_test_orders_nothing(epoch):
    a, b = clock(A, epoch, 1), clock(B, epoch)
    snapshot = a.export()
    epoch.begin()
    b.join(snapshot)
    assert dict(b.seen) == {}


def test_a_strand_that_lives_through_two_tests_passes_on_only_the_second(epoch):
    a, b = clock(A, epoch, 1), clock(B, epoch)
    epoch.begin()
    assert a.export() is None
    assert a.advance() == 2
    b.join(a.export())
    assert dict(b.seen) == {A: 2}


def test_a_merged_snapshot_is_after_both(epoch):
    a, b, c, late = clock(A, epoch, 1), clock(B, epoch, 2), clock(C, epoch, 1), Clock(9, epoch)
    a.join(c.export())
    first, second = a.export(), b.export()
    assert first is not None and second is not None
    late.join(merged(first, second))
    assert dict(late.seen) == {A: 1, B: 2, C: 1}


def test_merging_two_snapshots_of_one_strand_keeps_the_later_tick():
    early, late = Snapshot(0, {A: 1, B: 4}), Snapshot(0, {A: 3})
    for pair in ((early, late), (late, early)):
        assert dict(merged(*pair).seen) == {A: 3, B: 4}


def test_merging_snapshots_of_two_tests_keeps_the_later_tests():
    earlier, later = Snapshot(1, {A: 5}), Snapshot(2, {B: 1})
    assert merged(earlier, later) == merged(later, earlier) == later


def test_who_knows_less_takes_over_what_is_passed_on_as_it_is(epoch):
    a, b, c = clock(A, epoch, 1), clock(B, epoch, 1), clock(C, epoch)
    b.join(a.export())
    passed = b.export()
    assert passed is not None
    for other in (a, c):
        other.join(passed)
        assert other.seen is passed.seen


def test_two_that_know_different_things_know_both_afterwards(epoch):
    a, b, c = clock(A, epoch, 1), clock(B, epoch, 2), clock(C, epoch)
    c.join(a.export())
    c.join(b.export())
    assert dict(c.seen) == {A: 1, B: 2}


def test_no_two_tests_of_a_process_have_the_same_number():
    one, other = Epoch(), Epoch()
    numbers = [one.number, other.number]
    one.begin()
    assert len({*numbers, one.number}) == 3


def test_joining_is_the_same_however_the_clocks_have_grown(epoch):
    """Against plain dictionaries: strands that work and tell one another, drawn at random."""
    draw = random.Random(7)
    clocks = [clock(strand, epoch) for strand in range(1, 6)]
    plain: dict[int, dict[int, int]] = {each.strand: {} for each in clocks}
    for _ in range(600):
        one, other = draw.sample(clocks, 2)
        if draw.random() < 0.4:
            plain[one.strand][one.strand] = one.advance()
        one.join(other.export())
        for strand, tick in plain[other.strand].items():
            plain[one.strand][strand] = max(plain[one.strand].get(strand, 0), tick)
        others = {strand: tick for strand, tick in one.seen.items() if strand != one.strand}
        known = {strand: tick for strand, tick in plain[one.strand].items() if strand != one.strand}
        assert others == known


def test_a_clock_that_has_grown_for_long_goes_without_a_stack_overflow(epoch):
    a = clock(A, epoch)
    for _ in range(100_000):
        a.advance()
        a.export()
    del a

from __future__ import annotations

import pytest

from pytest_sessionguard import events as ev
from unit.tracing import Actor, TraceBuilder, app, lines_of, workers_of


def held(by: Actor, at: int, what: str = "holds the lock") -> ev.HeldBy:
    return ev.HeldBy(by.strand, by.worker, what, (app(at),))


def waiting(by: Actor, at: int, *held: ev.HeldBy, kind: str = "lock", refused: bool = False):
    return ev.Waiting(by.strand, by.worker, kind, f"a {kind}", (app(at),), held, refused)


@pytest.fixture
def story():
    return TraceBuilder()


@pytest.fixture
def two(story):
    return story.spawn(at=20, label="worker 0"), story.spawn(at=20, label="worker 1")


def knot(two, **of_the_last):
    one, other = two
    return ev.Stuck(
        (waiting(one, 12, held(other, 21)), waiting(other, 22, held(one, 11), **of_the_last))
    )


def test_two_locks_in_two_orders(story, two):
    story.note(knot(two))
    [found] = story.judge()
    assert (found.code, found.site) == ("SG601", app(22)), "the wait that closed it"
    assert workers_of(found) == ["worker 0", "worker 0", "worker 1", "worker 1"]
    assert lines_of(found) == [11, 12, 21, 22]
    assert "worker 0 waits for a lock that worker 1 holds" in found.message


def test_a_lock_that_its_holder_takes_once_more(story, two):
    story.note(ev.Stuck((waiting(two[0], 12, held(two[0], 11)),)))
    [found] = story.judge()
    assert "that it holds itself" in found.message
    assert lines_of(found) == [11, 12]


def test_a_timeout_of_the_users_own_is_his_to_deal_with(story, two):
    story.note(knot(two, refused=True))
    assert story.judge() == []


def test_what_a_database_refused_is_told(story, two):
    story.note(knot(two, kind="database", refused=True))
    [found] = story.judge()
    assert found.code == "SG601"


def test_a_statement_that_is_tried_again_is_silent(story, two):
    story.note(knot(two, kind="database", refused=True))
    one = two[1]
    story.note(ev.Statement(one.strand, one.worker, "UPDATE", ("stock",), True, (app(22),)))
    assert story.judge() == []


def test_the_statement_of_another_is_no_second_try(story, two):
    story.note(knot(two, kind="database", refused=True))
    other = two[0]
    story.note(ev.Statement(other.strand, other.worker, "UPDATE", ("stock",), True, (app(22),)))
    assert [found.code for found in story.judge()] == ["SG601"]


def test_a_commit_that_closed_it_is_not_at_fault(story, two):
    story.note(knot(two, kind="commit"))
    [found] = story.judge()
    assert found.site == app(12)


def test_a_read_that_is_out_of_date(story, two):
    one, other = two
    read, wrote = held(one, 11, "read in an open transaction"), held(other, 22, "committed since")
    story.note(ev.Stuck((waiting(one, 12, read, wrote, kind="stale", refused=True),)))
    [found] = story.judge()
    assert (found.site, lines_of(found)) == (app(12), [11, 12, 22])
    assert "worker 0 may not write any more" in found.message


def test_with_a_pool_in_it_it_is_the_pools_rule_that_tells(story, two):
    story.note(knot(two, kind="pool", refused=True))
    assert [found.code for found in story.judge()] == ["SG402"]

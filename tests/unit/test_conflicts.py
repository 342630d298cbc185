from __future__ import annotations

from pytest_sessionguard.rules.conflicts import Conflict, conflicts
from unit.tracing import LOCK, OTHER_LOCK, TraceBuilder

THREAD = 2_000_001


def found(story: TraceBuilder, session: int) -> list[Conflict]:
    return conflicts(story.trace()).get(session, [])


def pairs(story: TraceBuilder, session: int) -> list[tuple[int, int, bool]]:
    return [
        (each.first.began.stack[0].line, each.second.began.stack[0].line, each.overlapping)
        for each in found(story, session)
    ]


def test_one_strand_never_conflicts_with_itself():
    story = TraceBuilder()
    session = story.session()
    outer = story.begin(story.test, session)
    story.use(story.test, session)
    story.finish(outer)
    assert found(story, session) == []


def test_one_after_the_other_without_order_conflicts():
    story = TraceBuilder()
    session = story.session()
    story.use(story.spawn(), session, at=31)
    story.use(story.spawn(), session, at=41)
    assert pairs(story, session) == [(31, 41, False)]


def test_inside_one_another_overlaps():
    story = TraceBuilder()
    session = story.session()
    outer = story.begin(story.spawn(), session, at=31)
    story.use(story.spawn(), session, at=41)
    story.finish(outer)
    assert pairs(story, session) == [(31, 41, True)]


def test_two_strands_conflict_once_of_each_kind_however_often_they_meet():
    story = TraceBuilder()
    session = story.session()
    first, second = story.spawn(), story.spawn()
    for line in (31, 32, 33):
        outer = story.begin(first, session, at=line)
        story.use(second, session, at=line + 10)
        story.finish(outer)
    assert sorted(each.overlapping for each in found(story, session)) == [False, True]


def test_each_pair_of_strands_is_told():
    story = TraceBuilder()
    session = story.session()
    for line in (31, 41, 51):
        story.use(story.spawn(), session, at=line)
    assert pairs(story, session) == [(31, 41, False), (31, 51, False), (41, 51, False)]


def test_starting_a_strand_orders_what_was_before_and_not_what_comes_after():
    story = TraceBuilder()
    session = story.session()
    story.use(story.test, session, at=10)
    child = story.spawn()
    story.use(story.test, session, at=12)
    story.use(child, session, at=31)
    assert pairs(story, session) == [(12, 31, False)]


def test_joining_orders_what_the_other_did():
    story = TraceBuilder()
    session = story.session()
    child = story.spawn()
    story.use(child, session)
    story.join(story.test, child)
    story.use(story.test, session)
    assert found(story, session) == []


def test_an_operation_that_is_still_running_is_ordered_before_nothing():
    story = TraceBuilder()
    session = story.session()
    first, second = story.spawn(), story.spawn()
    story.begin(first, session, at=31)
    story.pass_on(first, second)
    story.use(second, session, at=41)
    assert pairs(story, session) == [(31, 41, True)]


def test_the_latest_conflicting_use_is_told():
    story = TraceBuilder()
    session = story.session()
    first, second = story.spawn(), story.spawn()
    story.use(first, session, at=31)
    story.use(first, session, at=32)
    story.use(second, session, at=41)
    assert pairs(story, session) == [(32, 41, False)]


def test_an_earlier_use_without_the_lock_is_found_behind_a_locked_one():
    story = TraceBuilder()
    session = story.session()
    first, second = story.spawn(), story.spawn()
    story.use(first, session, at=31)
    story.use(first, session, at=32, locks={LOCK})
    story.use(second, session, at=41, locks={LOCK})
    assert pairs(story, session) == [(31, 41, False)]


def test_one_common_lock_among_several_is_enough():
    story = TraceBuilder()
    session = story.session()
    story.use(story.spawn(), session, locks={LOCK, OTHER_LOCK})
    story.use(story.spawn(), session, locks={OTHER_LOCK})
    assert found(story, session) == []


def test_sessions_are_judged_apart():
    story = TraceBuilder()
    mine, shared = story.session(), story.session()
    first, second = story.spawn(), story.spawn()
    story.use(first, mine)
    story.use(first, shared)
    story.use(second, shared)
    assert list(conflicts(story.trace())) == [shared]


def test_a_session_that_is_shared_by_design_has_none():
    story = TraceBuilder()
    session = story.session(shared_by_design=True)
    story.use(story.spawn(), session)
    story.use(story.spawn(), session)
    assert conflicts(story.trace()) == {}


def test_two_workers_on_one_strand_are_ordered():
    story = TraceBuilder()
    session = story.session()
    for _ in range(2):
        story.use(story.request(), session)
    assert found(story, session) == []


def test_the_jobs_of_one_thread_on_its_own_session_are_ordered():
    story = TraceBuilder()
    first, second = (story.spawn(kind="job", thread=THREAD) for _ in range(2))
    session = story.session(first)
    story.use(first, session)
    story.use(second, session)
    assert found(story, session) == []


def test_another_thread_that_tidies_up_leaves_the_jobs_ordered_and_is_judged_itself():
    story = TraceBuilder()
    first, second = (story.spawn(kind="job", thread=THREAD) for _ in range(2))
    session = story.session(first)
    story.use(first, session, at=31)
    story.use(second, session, at=41)
    story.join(story.test, first)
    story.use(story.test, session, "close", at=51)
    assert pairs(story, session) == [(41, 51, False)]


def test_jobs_that_only_chance_put_on_one_thread_conflict_when_another_works_with_the_session():
    story = TraceBuilder()
    first, second = (story.spawn(kind="job", thread=THREAD) for _ in range(2))
    session = story.session(first)
    story.use(first, session, at=31)
    story.use(second, session, at=41)
    story.join(story.test, first, second)
    story.use(story.test, session, "commit", at=51)
    assert pairs(story, session) == [(31, 41, False)]

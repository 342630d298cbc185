from __future__ import annotations

import pytest

from pytest_sessionguard import events as ev
from pytest_sessionguard.rules.conflicts import conflicts
from unit.tracing import LOCK, OTHER_LOCK, TraceBuilder, module


def found(story: TraceBuilder, session: int) -> list[tuple[int, int]]:
    return [
        (each.first.began.stack[0].line, each.second.began.stack[0].line)
        for each in conflicts(story.trace()).get(session, [])
    ]


@pytest.fixture
def story():
    return TraceBuilder()


@pytest.fixture
def pair(story):
    return story.spawn(), story.spawn()


def test_given_back_and_taken_again_under_one_lock(story, pair):
    session, (first, second) = story.session(), pair
    for one, other in ((first, second), (second, first), (first, second)):
        story.use(one, session)
        story.use(one, session)
        story.hand_under(one, other)
    story.use(second, session)
    assert found(story, session) == []


def test_through_a_third_that_does_not_touch_it(story, pair):
    session, (first, second), third = story.session(), pair, story.spawn()
    story.use(first, session)
    story.hand_under(first, third)
    story.hand_under(third, second)
    story.use(second, session)
    assert found(story, session) == []


def test_tidied_up_under_the_lock(story, pair):
    session, (first, second) = story.session(), pair
    story.use(first, session)
    story.use(first, session, "rollback", locks={LOCK})
    story.hand_under(first, second)
    story.use(second, session)
    story.hand_under(second, story.test)
    story.use(story.test, session, "close", locks={LOCK})
    assert found(story, session) == []


def test_taken_before_it_was_released(story, pair):
    session, (first, second) = story.session(), pair
    story.use(first, session, at=31)
    story.hand_under(first, second)
    story.use(first, session, at=32)
    story.use(second, session, at=41)
    assert found(story, session) == [(32, 41)]


def test_the_first_goes_on_without_having_taken_it_back(story, pair):
    session, (first, second) = story.session(), pair
    story.use(first, session, at=31)
    story.hand_under(first, second)
    story.use(second, session, at=41)
    story.use(first, session, at=32)
    assert found(story, session) == [(31, 41)]


def test_a_different_lock_each_time_is_chance(story, pair):
    session, (first, second) = story.session(), pair
    story.use(first, session, at=31)
    story.hand_under(first, second, LOCK)
    story.use(second, session, at=41)
    story.hand_under(second, first, OTHER_LOCK)
    story.use(first, session, at=32)
    assert found(story, session) == [(31, 41)]


def test_a_lock_that_guards_the_work_itself_hands_nothing_over(story, pair):
    session, (first, second) = story.session(), pair
    story.use(first, session, at=31, locks={LOCK})
    story.hand_under(first, second)
    story.use(second, session, at=41)
    assert found(story, session) == [(31, 41)]


def test_what_still_runs_was_not_given_back(story, pair):
    session, (first, second) = story.session(), pair
    story.use(first, session, at=30)
    story.begin(first, session, at=31)
    story.hand_under(first, second)
    story.use(second, session, at=41)
    assert (31, 41) in found(story, session)


def test_a_request_takes_it_on_one_strand_and_works_on_another(story):
    session = story.session()
    first, request = story.request(on=story.unseen_strand()), story.request()
    endpoint = story.spawn(by=request)
    story.use(first, session)
    story.hand_under(first, request)
    story.use(endpoint, session)
    assert found(story, session) == []


# -- pools between requests ---------------------------------------------------------------------


def served(story, session):
    """Two requests, one after the other, each takes the lock before and after."""
    for _ in range(2):
        request = story.request()
        story.hand_under(request, request)
        story.use(request, session)
        story.hand_under(request, request)
        story.end(request)


def test_requests_borrow_from_a_list_under_a_lock(story):
    session = story.session(at=module(3))
    served(story, session)
    story.note(ev.Resting(session, "list"))
    assert story.judge() == []


def test_a_list_alone_is_no_pool(story):
    session = story.session(at=module(3))
    for _ in range(2):
        story.use(story.request(), session)
    story.note(ev.Resting(session, "list"))
    assert [finding.code for finding in story.judge()] == ["SG101"]


def test_a_lock_alone_is_no_pool(story):
    session = story.session(at=module(3))
    served(story, session)
    assert [finding.code for finding in story.judge()] == ["SG101"]


def test_used_on_after_it_was_given_back(story):
    session = story.session(at=module(3))
    served(story, session)
    request = story.request()
    story.hand_under(request, request)
    story.use(request, session)
    story.note(ev.Resting(session, "list"))
    assert [finding.code for finding in story.judge()] == ["SG101"]


def test_requests_borrow_from_a_queue(story):
    session = story.session(at=module(3))
    first, second = story.request(), story.request()
    for request in (first, second, first):
        story.use(request, session)
    story.note(ev.Resting(session, "queue"))
    assert story.judge() == []


def alternating(story, session, take):
    """Two requests that are both under way take turns."""
    first, second = story.request(), story.request()
    for request in (first, second, first):
        take(request)
        story.use(request, session)
        take(request)


def test_living_requests_take_turns_with_a_session_that_is_no_more(story):
    session = story.session(by=story.request())
    alternating(story, session, lambda request: story.hand_under(request, request))
    assert [finding.code for finding in story.judge()] == ["SG101"]
    story.note(ev.Resting(session, "gone"))
    assert story.judge() == []


def test_taken_out_of_a_queue_each_time(story):
    session = story.session(by=story.request())
    alternating(story, session, lambda request: story.note(ev.Borrowed(session, request.worker)))
    assert story.judge() == []


def test_taken_out_of_a_queue_once(story):
    session = story.session(by=story.request())
    first, second = story.request(), story.request()
    for request in (first, second):
        story.note(ev.Borrowed(session, request.worker))
        story.use(request, session)
    story.use(first, session)
    assert [finding.code for finding in story.judge()] == ["SG101"]

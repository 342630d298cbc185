from __future__ import annotations

from unit.tracing import TraceBuilder, app, in_test, lines_of, workers_of


def test_a_second_connection_while_the_first_is_held():
    story = TraceBuilder()
    pool, view = story.pool(limit=15), story.request("POST /bill")
    story.check_out(view, pool, story.session(view, at=3), at=13)
    story.check_out(view, pool, story.session(view, at=4), at=14)
    [found] = story.judge()
    assert (found.code, found.site) == ("SG402", app(14))
    assert workers_of(found) == ["request POST /bill #1", "request POST /bill #1"]
    assert lines_of(found) == [13, 14]
    assert "QueuePool of 15" in found.message


def test_the_first_connection_back_before_the_second_is_taken_is_silent():
    story = TraceBuilder()
    pool, view = story.pool(), story.request("POST /bill")
    connection = story.check_out(view, pool, story.session(view, at=3), at=13)
    story.check_in(connection, pool)
    story.check_out(view, pool, story.session(view, at=4), at=14)
    assert story.judge() == []


def test_a_thread_outside_of_requests_is_silent_since_nothing_says_how_many_there_are():
    story = TraceBuilder()
    pool, thread = story.pool(), story.spawn(at=20, label="worker")
    story.check_out(thread, pool, story.session(thread, at=3), at=13)
    story.check_out(thread, pool, story.session(thread, at=4), at=14)
    assert story.judge() == []


def test_a_scoped_session_and_one_of_its_own():
    story = TraceBuilder()
    pool, registry, view = story.pool(), story.registry(), story.request()
    scoped = story.session(story.test, at=8, registry=registry)
    story.check_out(view, pool, scoped, at=13)
    story.check_out(view, pool, story.session(view, at=4), at=14)
    assert [found.site for found in story.check("SG402")] == [app(14)]


def test_two_engines_are_silent():
    story = TraceBuilder()
    view = story.request()
    for line in (3, 4):
        story.check_out(view, story.pool(), story.session(view, at=line), at=line + 10)
    assert story.judge() == []


def test_a_pool_without_a_limit_is_silent():
    story = TraceBuilder()
    pool, view = story.pool(limit=None), story.request()
    for line in (3, 4):
        story.check_out(view, pool, story.session(view, at=line), at=line + 10)
    assert story.judge() == []


def test_a_pool_with_one_connection_for_all_is_silent():
    story = TraceBuilder()
    pool, view = story.pool(limit=1, shared=True), story.request()
    for line in (3, 4):
        story.check_out(view, pool, story.session(view, at=line), at=line + 10)
    assert story.judge() == []


def test_two_requests_with_one_connection_each_are_silent():
    story = TraceBuilder()
    pool = story.pool()
    for line in (3, 4):
        view = story.request()
        story.check_out(view, pool, story.session(view, at=line), at=line + 10)
    assert story.judge() == []


def test_work_of_the_test_itself_is_silent():
    story = TraceBuilder()
    pool = story.pool()
    for line in (3, 4):
        story.check_out(story.test, pool, story.session(at=line), at=line + 10)
    assert story.judge() == []


def test_a_session_that_the_test_made_is_silent():
    story = TraceBuilder()
    pool, view = story.pool(), story.request()
    story.check_out(view, pool, story.session(at=in_test(3)), at=13)
    story.check_out(view, pool, story.session(view, at=4), at=14)
    assert story.judge() == []


def test_a_plain_connection_beside_the_session_is_silent():
    story = TraceBuilder()
    pool, view = story.pool(), story.request()
    story.check_out(view, pool, None, at=13)
    story.check_out(view, pool, story.session(view, at=4), at=14)
    assert story.judge() == []


def test_children_of_a_request_wait_for_each_other_not_for_themselves():
    story = TraceBuilder()
    pool, view = story.pool(), story.request()
    for line in (20, 21):
        task = story.spawn(view, at=line, kind="task")
        story.check_out(task, pool, story.session(task, at=30), at=31)
    assert story.judge() == []

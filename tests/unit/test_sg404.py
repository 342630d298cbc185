from __future__ import annotations

from pytest_sessionguard import events as ev
from unit.tracing import TraceBuilder, app, in_test, lines_of, module, workers_of


def test_a_session_that_keeps_its_connection_is_blamed_on_the_checkout():
    story = TraceBuilder()
    pool, view = story.pool(), story.request("GET /stock")
    session = story.session(view, at=3)
    story.check_out(view, pool, session, at=13)
    story.end(view)
    story.body_ended()
    [found] = story.judge()
    assert (found.code, found.site) == ("SG404", app(13))
    assert (workers_of(found), lines_of(found)) == (["request GET /stock #1"], [13])
    assert [line.site for line in found.related] == [app(3)]


def test_a_session_that_is_closed_is_silent():
    story = TraceBuilder()
    pool, view = story.pool(), story.request("GET /stock")
    session = story.session(view, at=3)
    connection = story.check_out(view, pool, session, at=13)
    story.check_in(connection, pool)
    story.use(view, session, "close", at=14)
    story.end(view)
    story.body_ended()
    assert story.judge() == []


def test_the_garbage_collector_is_no_excuse():
    story = TraceBuilder()
    pool, view = story.pool(), story.request("GET /stock")
    connection = story.check_out(view, pool, story.session(view, at=3), at=13)
    story.end(view)
    story.check_in(connection, pool, by_collector=True)
    story.body_ended()
    [found] = story.judge()
    assert found.code == "SG404"
    assert "garbage collector" in found.message


def test_a_connection_that_comes_back_when_the_test_is_taken_down_is_out():
    story = TraceBuilder()
    pool, view = story.pool(), story.request("GET /stock")
    connection = story.check_out(view, pool, story.session(view, at=3), at=13)
    story.end(view)
    story.body_ended()
    story.check_in(connection, pool)
    assert [found.code for found in story.judge()] == ["SG404"]


def test_a_connection_that_comes_back_late_but_within_the_body_is_silent():
    story = TraceBuilder()
    pool, view = story.pool(), story.request()
    connection = story.check_out(view, pool, story.session(view, at=3))
    story.end(view)
    story.check_in(connection, pool)
    story.body_ended()
    assert story.judge() == []


def test_a_request_that_is_still_under_way_may_hold_its_connection():
    story = TraceBuilder()
    pool, view = story.pool(), story.request()
    story.check_out(view, pool, story.session(view, at=3))
    story.body_ended()
    story.end(view)
    assert story.judge() == []


def test_a_request_inside_the_tests_own_context_is_silent():
    story = TraceBuilder()
    pool, view = story.pool(), story.request(inside_test_context=True)
    story.check_out(view, pool, story.session(view, at=3))
    story.end(view)
    story.body_ended()
    assert story.judge() == []


def test_a_session_that_the_test_made_is_silent():
    story = TraceBuilder()
    pool, session, view = story.pool(), story.session(at=in_test(3)), story.request()
    story.check_out(view, pool, session)
    story.end(view)
    story.body_ended()
    assert story.judge() == []


def test_a_session_that_the_tests_dependency_made_inside_the_request_is_silent():
    story = TraceBuilder()
    pool, view = story.pool(), story.request()
    story.check_out(view, pool, story.session(view, at=in_test(3, "override_get_db")))
    story.end(view)
    story.body_ended()
    assert story.judge() == []


def test_a_session_that_was_made_outside_the_request_is_silent():
    story = TraceBuilder()
    pool, session, view = story.pool(), story.session(at=module(3)), story.request()
    story.check_out(view, pool, session)
    story.end(view)
    story.body_ended()
    assert story.judge() == []


def test_a_session_that_is_shared_by_design_is_silent():
    story = TraceBuilder()
    pool, view = story.pool(), story.request()
    story.check_out(view, pool, story.session(view, at=3, shared_by_design=True))
    story.end(view)
    story.body_ended()
    assert story.judge() == []


def test_a_thread_outside_of_requests_is_not_judged():
    story = TraceBuilder()
    pool, thread = story.pool(), story.spawn(at=20)
    story.check_out(thread, pool, story.session(thread, at=30))
    story.join(story.test, thread)
    story.body_ended()
    assert story.judge() == []


def test_a_pool_with_one_connection_for_all_is_not_judged():
    story = TraceBuilder()
    pool, view = story.pool(shared=True), story.request()
    story.check_out(view, pool, story.session(view, at=3))
    story.end(view)
    story.body_ended()
    assert story.judge() == []


def test_a_plain_connection_is_not_judged():
    story = TraceBuilder()
    pool, view = story.pool(), story.request()
    story.check_out(view, pool, None)
    story.end(view)
    story.body_ended()
    assert story.judge() == []


def test_a_session_revived_after_its_end_is_another_rules_to_tell():
    story = TraceBuilder()
    pool, view = story.pool(), story.request()
    session = story.session(view, at=app(3, "get_db"))
    story.gone(session, app(6, "get_db"))
    story.use(view, session, at=12)
    story.check_out(view, pool, session)
    story.end(view)
    story.body_ended()
    assert [found.code for found in story.judge()] == ["SG305"]


def test_a_worker_that_the_request_started_and_that_lives_on_keeps_its_connection():
    story = TraceBuilder()
    pool, view = story.pool(), story.request("POST /jobs")
    worker = story.spawn(by=view, at=20)
    story.check_out(worker, pool, story.session(worker, at=31), at=33)
    story.end(view)
    story.body_ended()
    assert story.judge() == []


def test_a_thread_that_has_ended_leaks_like_its_request():
    story = TraceBuilder()
    pool, view = story.pool(), story.request("POST /jobs")
    thread = story.spawn(by=view, at=20)
    story.check_out(thread, pool, story.session(thread, at=31), at=33)
    story.join(view, thread)
    story.end(view)
    story.body_ended()
    assert [found.site for found in story.judge()] == [app(33, "work")]


def test_a_job_that_has_ended_leaks_like_its_request():
    story = TraceBuilder()
    pool, view = story.pool(), story.request("POST /jobs")
    job = story.spawn(by=view, at=20, kind="job")
    story.check_out(job, pool, story.session(job, at=31), at=33)
    story.end(view)
    story.join(story.test, job)
    story.body_ended()
    assert [found.code for found in story.judge()] == ["SG404"]


def test_a_job_that_still_runs_when_the_test_has_seen_enough_keeps_its_connection():
    story = TraceBuilder()
    pool, view = story.pool(), story.request("POST /jobs")
    job = story.spawn(by=view, at=20, kind="job")
    story.check_out(job, pool, story.session(job, at=31), at=33)
    story.end(view)
    story.body_ended()
    assert story.judge() == []


def test_a_generator_that_the_loop_is_yet_to_end_is_no_leak():
    story = TraceBuilder()
    view = story.request("GET /users")
    session, pool = story.session(view, at=3), story.pool()
    operation = story.begin(view, session, "execute", at=12)
    story.check_out(view, pool, session, at=12)
    story.finish(operation)
    story.note(ev.Abandoned(session, app(13)))
    story.end(view)
    story.body_ended()
    assert story.check("SG404") == []


def test_a_close_that_somebody_elses_operation_forbade_is_told_by_that():
    story = TraceBuilder()
    view = story.request("GET /users")
    session, pool = story.session(view, at=3), story.pool()
    story.check_out(view, pool, session, at=12)
    task = story.spawn(view, at=13, kind="task", given=session)
    running = story.begin(task, session, "execute", at=31)
    story.use(view, session, "close", at=14)
    story.finish(running)
    story.end(view)
    story.body_ended()
    assert [(found.code, found.site) for found in story.judge()] == [("SG102", app(13))]


def dropped_by_a_generator(story, back_in_time):
    view = story.request("GET /users")
    session, pool = story.session(view, at=3), story.pool()
    operation = story.begin(view, session, "execute", at=12)
    connection = story.check_out(view, pool, session, at=12)
    story.finish(operation)
    story.note(ev.Abandoned(session, app(13), by_generator=True))
    if back_in_time:
        story.check_in(connection, pool)
    story.end(view)
    if not back_in_time:
        story.check_in(connection, pool)
    story.body_ended()


def test_a_generator_that_another_one_drops_when_an_exception_leaves():
    story = TraceBuilder()
    dropped_by_a_generator(story, back_in_time=False)
    [found] = story.judge()
    assert (found.code, found.site) == ("SG404", app(13))


def test_a_generator_that_the_loop_has_ended_before_the_request_is_over():
    story = TraceBuilder()
    dropped_by_a_generator(story, back_in_time=True)
    assert story.judge() == []

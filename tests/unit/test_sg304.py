from __future__ import annotations

from unit.tracing import TraceBuilder, app, in_test, lines_of, module, workers_of


def test_a_scoped_session_that_keeps_its_connection_is_blamed_on_the_checkout():
    story = TraceBuilder()
    pool, registry, view = story.pool(), story.registry(), story.request("GET /stock")
    session = story.scoped(view, registry)
    story.check_out(view, pool, session, at=13)
    story.end(view)
    story.body_ended()
    [found] = story.judge()
    assert (found.code, found.site) == ("SG304", app(13))
    assert (workers_of(found), lines_of(found)) == (["request GET /stock #1"], [13])
    assert [line.site for line in found.related] == [module(5)]


def test_a_scope_that_is_removed_is_silent():
    story = TraceBuilder()
    pool, registry, view = story.pool(), story.registry(), story.request("GET /stock")
    session = story.scoped(view, registry)
    connection = story.check_out(view, pool, session, at=13)
    story.check_in(connection, pool)
    story.remove(view, registry, session)
    story.end(view)
    story.body_ended()
    assert story.judge() == []


def test_the_next_request_that_goes_on_in_the_state_of_the_last():
    story = TraceBuilder()
    registry, first = story.registry(), story.request("POST /a")
    session = story.scoped(first, registry)
    story.use(first, session, "add", at=12, leaves="dirty")
    story.end(first)
    second = story.request("GET /b")
    story.look_up(second, registry, session)
    story.use(second, session, at=14)
    story.end(second)
    [found] = story.judge()
    assert (found.code, found.site) == ("SG304", app(12))
    assert workers_of(found) == ["request POST /a #1", "request GET /b #2"]
    assert lines_of(found) == [12, 14]


def test_one_session_that_leaks_and_is_handed_on_is_told_once():
    story = TraceBuilder()
    pool, registry, first = story.pool(), story.registry(), story.request("POST /a")
    session = story.scoped(first, registry)
    story.check_out(first, pool, session, at=13)
    story.use(first, session, "add", at=12, leaves="dirty")
    story.end(first)
    second = story.request("GET /b")
    story.use(second, session, at=14)
    story.end(second)
    story.body_ended()
    assert [(found.code, found.site) for found in story.judge()] == [("SG304", app(13))]


def test_a_request_that_leaves_nothing_behind_need_not_remove():
    story = TraceBuilder()
    registry, first = story.registry(), story.request("POST /a")
    session = story.scoped(first, registry)
    story.use(first, session, "commit", at=12)
    story.end(first)
    second = story.request("GET /b")
    story.use(second, session, "commit", at=14)
    story.end(second)
    assert story.judge() == []


def test_a_connection_that_comes_back_late_but_within_the_body_is_silent():
    story = TraceBuilder()
    pool, registry, view = story.pool(), story.registry(), story.request()
    connection = story.check_out(view, pool, story.scoped(view, registry))
    story.end(view)
    story.check_in(connection, pool)
    story.body_ended()
    assert story.judge() == []


def test_a_request_inside_the_tests_own_context_is_silent():
    story = TraceBuilder()
    pool, registry = story.pool(), story.registry()
    view = story.request(inside_test_context=True)
    story.check_out(view, pool, story.scoped(view, registry))
    story.end(view)
    story.body_ended()
    assert story.judge() == []


def test_the_tests_own_use_of_the_scope_is_silent():
    story = TraceBuilder()
    pool, registry = story.pool(), story.registry()
    session = story.scoped(story.test, registry, at=in_test(8))
    story.check_out(story.test, pool, session, at=in_test(9))
    story.body_ended()
    assert story.judge() == []


def test_a_pool_with_one_connection_for_all_is_not_judged():
    story = TraceBuilder()
    pool, registry, view = story.pool(shared=True), story.registry(), story.request()
    story.check_out(view, pool, story.scoped(view, registry))
    story.end(view)
    story.body_ended()
    assert story.judge() == []


def test_a_registry_that_a_test_built_is_not_judged_for_what_it_hands_on():
    story = TraceBuilder()
    registry, first = story.registry(at=in_test(4)), story.request()
    session = story.scoped(first, registry)
    story.use(first, session, "add", at=12, leaves="dirty")
    story.end(first)
    story.use(story.request(), session, at=14)
    assert story.judge() == []


def test_what_is_still_out_before_the_body_has_ended_is_not_judged_yet():
    story = TraceBuilder()
    pool, registry, view = story.pool(), story.registry(), story.request()
    story.check_out(view, pool, story.scoped(view, registry))
    story.end(view)
    assert story.check("SG304") == []

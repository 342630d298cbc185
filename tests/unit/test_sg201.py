from __future__ import annotations

import pytest

from unit.tracing import TraceBuilder, app, in_test, lines_of, workers_of


def test_a_read_after_the_close_in_one_function_is_blamed_on_the_close():
    story = TraceBuilder()
    view = story.request("GET /user")
    session = story.session(view, at=3)
    closing = story.detach(view, session, at=16)
    story.read_detached(view, closing, at=17)
    [found] = story.judge()
    assert (found.code, found.site) == ("SG201", app(16))
    assert workers_of(found) == ["request GET /user #1", "request GET /user #1"]
    assert lines_of(found) == [16, 17]
    assert found.message == (
        "User.name was read from a detached instance: Session.close() had detached it"
    )


def test_a_read_before_the_close_is_silent():
    story = TraceBuilder()
    view = story.request("GET /user")
    session = story.session(view, at=3)
    story.touch(view, session, at=15)
    story.detach(view, session, at=16)
    assert story.judge() == []


def test_an_instance_kept_beyond_the_function_that_closed_is_blamed_on_the_read():
    story = TraceBuilder()
    view = story.request("GET /user")
    session = story.session(view, at=app(3, "load"))
    closing = story.detach(view, session, at=app(16, "load"))
    story.read_detached(view, closing, at=app(40, "render"))
    [found] = story.judge()
    assert (found.site, lines_of(found)) == (app(40, "render"), [16, 40])
    assert [line.site for line in found.related] == [app(16, "load")]


def test_a_helper_that_closes_is_blamed_when_its_caller_reads():
    story = TraceBuilder()
    view = story.request("GET /user")
    session = story.session(view, at=3)
    closing = story.detach(view, session, at=app(50, "tidy_up"), deep=app(16))
    story.read_detached(view, closing, at=17)
    [found] = story.judge()
    assert found.site == app(50, "tidy_up")


def test_an_instance_kept_from_an_earlier_request_is_blamed_on_the_read():
    story = TraceBuilder()
    first = story.request("GET /a")
    closing = story.detach(first, story.session(first, at=3), at=16)
    story.end(first)
    story.read_detached(story.request("GET /b"), closing, at=17)
    [found] = story.judge()
    assert (found.code, found.site) == ("SG201", app(17))
    assert workers_of(found) == ["request GET /a #1", "request GET /b #2"]


def test_who_detached_it_need_not_be_known():
    story = TraceBuilder()
    story.read_detached(story.request("GET /user"), None, at=17)
    [found] = story.judge()
    assert (found.code, found.site, lines_of(found)) == ("SG201", app(17), [17])


def test_a_test_that_asks_for_the_error_itself_is_silent():
    story = TraceBuilder()
    session = story.session(at=in_test(5))
    closing = story.detach(story.test, session, at=in_test(6))
    story.read_detached(story.test, closing, at=in_test(7))
    assert story.judge() == []


@pytest.mark.parametrize("function", ["TestUser.test_name", "test_name.<locals>.read"])
def test_so_is_a_test_method_or_a_function_inside_a_test(function):
    story = TraceBuilder()
    story.read_detached(story.test, None, at=in_test(7, function))
    assert story.judge() == []


def test_app_code_that_a_test_calls_is_judged():
    story = TraceBuilder()
    story.read_detached(story.test, None, at=app(17), calls=in_test(7))
    assert [found.code for found in story.judge()] == ["SG201"]


def test_what_the_app_puts_back_into_a_session_is_silent():
    story = TraceBuilder()
    view = story.request("GET /user")
    closing = story.detach(view, story.session(view, at=3), at=16)
    story.recover(story.read_detached(view, closing, at=17))
    assert story.judge() == []


def test_an_instance_that_another_worker_detached_is_not_this_rules_to_tell():
    story = TraceBuilder()
    view = story.request("GET /user")
    session = story.session(view, at=3)
    story.use(view, session, "get", at=12)
    closing = story.detach(story.spawn(view, at=20, given=session), session, at=31)
    story.read_detached(view, closing, at=17)
    assert story.check("SG201") == []


def kept_from_an_earlier_request(story, **holders):
    """A request puts an instance away and closes its session; a later one reads it in vain."""
    first = story.request("GET /a")
    session = story.session(first, at=3)
    closing = story.detach(first, session, at=16)
    story.end(first)
    access = story.read_detached(story.request("GET /b"), closing, at=17)
    for holder, sites in holders.items():
        story.keep(access, session, holder, *sites)
    return story


def test_what_an_earlier_request_put_into_a_cache_is_blamed_on_the_line_that_put_it_there():
    story = kept_from_an_earlier_request(TraceBuilder(), CACHE=[app(40, "load_user")])
    [found] = story.judge()
    assert (found.code, found.site) == ("SG201", app(40, "load_user"))
    assert lines_of(found) == [16, 17]
    assert [line.site for line in found.related] == [app(16)]
    assert "CACHE keeps the instance" in found.message


def test_of_several_storing_lines_the_one_in_a_function_that_worked_with_the_session():
    story = kept_from_an_earlier_request(TraceBuilder(), CACHE=[app(40, "other"), app(15)])
    assert [found.site for found in story.judge()] == [app(15)]


def test_a_keeper_explains_nothing_that_one_unit_of_work_did_alone():
    story = TraceBuilder()
    view = story.request("GET /user")
    session = story.session(view, at=app(3, "load"))
    closing = story.detach(view, session, at=app(16, "load"))
    access = story.read_detached(view, closing, at=app(40, "render"))
    story.keep(access, session, "page.user", app(50, "fill"))
    assert [found.site for found in story.judge()] == [app(40, "render")]


def test_a_kept_instance_whose_session_was_merely_forgotten():
    story = TraceBuilder()
    access = story.read_detached(story.request("GET /b"), None, at=17)
    story.keep(access, None, "CACHE", app(40, "load_user"))
    assert [found.site for found in story.judge()] == [app(40, "load_user")]

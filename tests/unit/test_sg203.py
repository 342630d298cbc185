from __future__ import annotations

from unit.tracing import TraceBuilder, app, in_test, lines_of, workers_of


def test_an_instance_added_to_a_second_session_is_blamed_on_the_adding():
    story = TraceBuilder()
    view = story.request("POST /rename")
    home, second = story.session(view, at=3), story.session(view, at=4)
    story.attach(view, second, home, at=14)
    [found] = story.judge()
    assert (found.code, found.site) == ("SG203", app(14))
    assert workers_of(found) == ["the first Session", "request POST /rename #1"]
    assert lines_of(found) == [3, 14]
    assert [line.site for line in found.related] == [app(4)]


def test_merging_a_copy_is_silent():
    story = TraceBuilder()
    view = story.request("POST /rename")
    home, second = story.session(view, at=3), story.session(view, at=4)
    story.use(view, home, "get", at=12)
    story.use(view, second, "merge", at=14)
    assert story.judge() == []


def test_merging_what_was_refused_is_silent():
    story = TraceBuilder()
    view = story.request("POST /rename")
    home, second = story.session(view, at=3), story.session(view, at=4)
    story.recover(story.attach(view, second, home, at=14))
    story.attach(view, second, home, at=15)
    assert [found.site for found in story.judge()] == [app(15)]


def test_a_test_that_asks_for_the_error_itself_is_silent():
    story = TraceBuilder()
    home, second = story.session(at=in_test(3)), story.session(at=in_test(4))
    story.attach(story.test, second, home, at=in_test(5))
    assert story.judge() == []


def test_a_fixture_that_mixes_up_its_sessions_is_judged():
    story = TraceBuilder()
    home, second = story.session(at=in_test(3)), story.session(at=in_test(4))
    story.attach(story.test, second, home, at=in_test(5, "factory"))
    assert [found.site for found in story.judge()] == [in_test(5, "factory")]


def test_an_instance_of_a_test_session_added_by_the_app_is_judged():
    story = TraceBuilder()
    home, view = story.session(at=in_test(3)), story.request()
    story.attach(view, story.session(view, at=4), home, at=14)
    [found] = story.judge()
    assert lines_of(found) == [3, 14]


def test_an_instance_that_left_its_first_session_may_be_added():
    story = TraceBuilder()
    view = story.request()
    home, second = story.session(view, at=3), story.session(view, at=4)
    story.detach(view, home, action="expunge")
    story.use(view, second, "add", at=14)
    assert story.judge() == []


def test_a_kept_instance_of_another_request_is_blamed_on_the_line_that_keeps_it():
    story = TraceBuilder()
    first, second = story.request("GET /a"), story.request("POST /b")
    home, own = story.session(first, at=3), story.session(second, at=4)
    number = story.attach(second, own, home, at=14)
    story.keep(number, home, "shop.CACHE", app(40, "load_user"))
    [found] = story.judge()
    assert found.site == app(40, "load_user")
    assert found.message.endswith("while it is in another one: shop.CACHE keeps the instance")


def test_a_kept_instance_of_the_same_request_is_blamed_on_the_adding():
    story = TraceBuilder()
    view = story.request("POST /rename")
    home, second = story.session(view, at=3), story.session(view, at=4)
    story.keep(story.attach(view, second, home, at=14), home, "shop.CACHE", app(40))
    assert [found.site for found in story.judge()] == [app(14)]

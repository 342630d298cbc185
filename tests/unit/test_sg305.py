from __future__ import annotations

import pytest

from unit.tracing import TraceBuilder, app, in_test, lines_of, module, workers_of

# -- given to concurrent work, closed by its owner ------------------------------------------


def test_background_work_that_goes_on_after_the_owner_closed():
    story = TraceBuilder()
    view = story.request("POST /order")
    session = story.session(view, at=3)
    task = story.spawn(view, at=20, kind="task", label="mail", given=session)
    story.use(view, session, "close", at=22)
    story.use(task, session, "execute", at=31)
    [found] = story.judge()
    assert (found.code, found.site) == ("SG305", app(20))
    assert workers_of(found) == ["request POST /order #1", "request POST /order #1, mail"]
    assert lines_of(found) == [22, 31]


def test_background_work_with_a_session_of_its_own_is_silent():
    story = TraceBuilder()
    view = story.request("POST /order")
    session = story.session(view, at=3)
    task = story.spawn(view, at=20, kind="task")
    story.use(view, session, "close", at=22)
    own = story.session(task, at=30)
    story.use(task, own, "execute", at=31)
    story.use(task, own, "close", at=32)
    assert story.judge() == []


def test_order_does_not_mend_a_use_after_the_owners_close():
    story = TraceBuilder()
    view = story.request("POST /order")
    session = story.session(view, at=3)
    task = story.spawn(view, at=20, kind="task", given=session)
    story.use(view, session, "close", at=22)
    story.pass_on(view, task)
    story.use(task, session, "execute", at=31)
    assert [(found.code, found.site) for found in story.judge()] == [("SG305", app(20))]


def test_the_owner_that_waits_and_then_closes_is_legal():
    story = TraceBuilder()
    view = story.request("POST /order")
    session = story.session(view, at=3)
    task = story.spawn(view, at=20, kind="task", given=session)
    story.use(task, session, "execute", at=31)
    story.join(view, task)
    story.use(view, session, "close", at=22)
    assert story.judge() == []


def test_giving_it_away_without_closing_it_is_legal():
    story = TraceBuilder()
    view = story.request("POST /order")
    session = story.session(view, at=3)
    story.use(view, session, "add", at=12)
    task = story.spawn(view, at=20, kind="task", given=session)
    story.end(view)
    story.use(task, session, "commit", at=31)
    story.use(task, session, "close", at=32)
    assert story.judge() == []


@pytest.mark.parametrize("letting_go", ["close", "rollback", "expunge", "expunge_all", "reset"])
def test_a_late_use_that_only_lets_go_is_legal(letting_go):
    story = TraceBuilder()
    view = story.request("POST /order")
    session = story.session(view, at=3)
    task = story.spawn(view, at=20, kind="task", given=session)
    story.use(view, session, "close", at=22)
    story.pass_on(view, task)
    story.use(task, session, letting_go, at=31)
    assert story.judge() == []


def test_the_owner_itself_may_begin_anew_after_its_close():
    story = TraceBuilder()
    view = story.request("POST /order")
    session = story.session(view, at=3)
    story.use(view, session, "close", at=22)
    story.use(view, session, "add", at=23)
    story.use(view, session, "close", at=24)
    assert story.judge() == []


# -- the maker has returned ----------------------------------------------------------------


def test_a_use_after_the_function_that_made_it_has_closed_it_and_returned():
    story = TraceBuilder()
    view = story.request("GET /report")
    session = story.session(view, at=app(3, "get_db"))
    story.use(view, session, "close", at=app(6, "get_db"))
    story.gone(session, app(6, "get_db"))
    story.use(view, session, "scalars", at=40)
    [found] = story.judge()
    assert (found.code, found.site) == ("SG305", app(40))
    assert workers_of(found) == ["its owner", "request GET /report #1"]
    assert lines_of(found) == [6, 40]
    assert "get_db() closed it and returned" in found.message


def test_if_it_was_handed_on_the_line_that_did_so_is_blamed():
    story = TraceBuilder()
    view = story.request("GET /report")
    session = story.session(view, at=app(3, "get_db"))
    task = story.spawn(view, at=20, kind="task", given=session)
    story.use(view, session, "close", at=app(6, "get_db"))
    story.gone(session, app(6, "get_db"))
    story.use(task, session, "scalars", at=31)
    assert {found.site for found in story.judge()} == {app(20)}


def test_a_session_that_is_gone_and_not_used_again_is_silent():
    story = TraceBuilder()
    view = story.request("GET /report")
    session = story.session(view, at=app(3, "get_db"))
    story.use(view, session, "scalars", at=40)
    story.use(view, session, "close", at=app(6, "get_db"))
    story.gone(session, app(6, "get_db"))
    assert story.judge() == []


def test_the_test_may_look_at_a_session_of_the_app_afterwards():
    story = TraceBuilder()
    session = story.session(at=app(3, "create_app"))
    story.use(story.test, session, "close", at=app(6, "create_app"))
    story.gone(session, app(6, "create_app"))
    story.use(story.test, session, "scalars", at=in_test(9))
    assert story.judge() == []


def test_a_session_of_the_tests_fixture_is_silent():
    story = TraceBuilder()
    session = story.session(at=in_test(3, "db"))
    story.gone(session, in_test(6, "db"))
    story.use(story.request(), session, "scalars", at=12)
    assert story.judge() == []


def test_a_session_that_is_shared_by_design_is_silent():
    story = TraceBuilder()
    view = story.request()
    session = story.session(view, at=3, shared_by_design=True)
    story.gone(session, app(6, "get_db"))
    story.use(view, session, "scalars", at=12)
    assert story.judge() == []


# -- kept beyond the request ---------------------------------------------------------------


def test_a_request_that_uses_what_an_ended_request_had_made_and_closed():
    story = TraceBuilder()
    first = story.request("GET /a")
    session = story.session(first, at=3)
    story.publish(session, "Cache.session", at=app(50, "Cache.fill"))
    story.use(first, session, "add", at=12)
    story.use(first, session, "close", at=13)
    story.end(first)
    story.use(story.request("GET /b"), session, "scalars", at=14)
    [found] = story.judge()
    assert (found.code, found.site) == ("SG305", app(50, "Cache.fill"))
    assert workers_of(found) == ["request GET /a #1", "request GET /b #2"]
    assert lines_of(found) == [13, 14]


def test_a_request_that_closes_what_it_took_over_is_legal():
    story = TraceBuilder()
    first = story.request("GET /a")
    session = story.session(first, at=3)
    story.use(first, session, "close", at=13)
    story.end(first)
    second = story.request("GET /b")
    story.use(second, session, "scalars", at=14)
    story.use(second, session, "close", at=15)
    assert story.judge() == []


# -- removed from its registry ---------------------------------------------------------------


def test_a_session_kept_beyond_another_requests_remove_is_blamed_on_who_took_it_out():
    story = TraceBuilder()
    registry, first = story.registry(), story.request("GET /a")
    session = story.scoped(first, registry, at=11, explicit=True)
    story.remove(first, registry, session, at=18)
    story.end(first)
    story.use(story.request("GET /b"), session, "scalars", at=14)
    [found] = story.judge()
    assert (found.code, found.site) == ("SG305", app(11))
    assert workers_of(found) == ["request GET /a #1", "request GET /b #2"]
    assert lines_of(found) == [18, 14]


def test_the_connection_that_a_removed_session_takes_is_told_with_its_use():
    story = TraceBuilder()
    registry, pool, first = story.registry(), story.pool(), story.request("GET /a")
    session = story.scoped(first, registry, at=11, explicit=True)
    story.remove(first, registry, session, at=18)
    story.end(first)
    second = story.request("GET /b")
    story.use(second, session, "scalars", at=14)
    story.check_out(second, pool, session, at=14)
    story.end(second)
    story.body_ended()
    assert [found.code for found in story.judge()] == ["SG305"]


def test_a_session_that_a_loader_keeps_is_told_at_the_line_that_keeps_it():
    story = TraceBuilder()
    first = story.request("GET /a")
    session = story.session(first, at=app(8, "get_session"))
    story.use(first, session, "close", at=app(8, "get_session"))
    story.end(first)
    story.gone(session, app(8, "get_session"))
    story.use(story.request("GET /b"), session, "scalars", at=14)
    story.lasts(session, "app.loaders", app(19, "get_names"))
    [found] = story.judge()
    assert (found.code, found.site) == ("SG305", app(19, "get_names"))


def test_a_new_session_after_the_remove_is_silent():
    story = TraceBuilder()
    registry = story.registry()
    for label in ("GET /a", "GET /b"):
        view = story.request(label)
        session = story.scoped(view, registry)
        story.use(view, session, "scalars", at=12)
        story.remove(view, registry, session)
        story.end(view)
    assert story.judge() == []


def test_a_removal_by_the_test_makes_nobody_an_orphan():
    story = TraceBuilder()
    registry, view = story.registry(), story.request()
    session = story.scoped(view, registry, explicit=True)
    story.remove(story.test, registry, session, at=in_test(9))
    story.use(view, session, "scalars", at=12)
    assert story.check("SG305") == []


def test_a_removed_session_may_be_closed_again():
    story = TraceBuilder()
    registry, view = story.registry(), story.request()
    session = story.scoped(view, registry)
    story.remove(view, registry, session)
    story.use(view, session, "rollback", at=19)
    story.use(view, session, "close", at=20)
    assert story.judge() == []


# -- still in somebody's hands ----------------------------------------------------------------


def test_a_close_while_a_living_task_still_holds_the_session():
    story = TraceBuilder()
    view = story.request("POST /order")
    session = story.session(view, at=3)
    task = story.spawn(view, at=20, kind="task", label="mail")
    closing = story.use(view, session, "close", at=22)
    story.still_held(closing, task, at=app(20))
    [found] = story.judge()
    assert (found.code, found.site) == ("SG305", app(20))
    assert workers_of(found) == ["request POST /order #1", "request POST /order #1, mail"]
    assert lines_of(found) == [22, 20]


def test_a_task_that_a_library_started_has_no_line_to_mend_and_is_silent():
    story = TraceBuilder()
    view = story.request()
    session = story.session(view, at=3)
    closing = story.use(view, session, "close", at=22)
    story.still_held(closing, story.spawn(view, at=20, kind="task"), at=None)
    assert story.judge() == []


def test_a_test_that_closes_under_its_own_task_is_silent():
    story = TraceBuilder()
    session = story.session(at=in_test(3))
    closing = story.use(story.test, session, "close", at=in_test(8))
    story.still_held(closing, story.spawn(at=in_test(5), kind="task"), at=in_test(5))
    assert story.judge() == []


# -- which code tells it ----------------------------------------------------------------------


def test_an_unordered_use_before_the_close_is_not_this_rules_to_tell():
    story = TraceBuilder()
    session = story.session(at=module(3))
    thread = story.spawn(at=20, given=session)
    story.use(thread, session, "execute", at=31)
    story.use(story.test, session, "close", at=22)
    assert story.check("SG305") == []


def test_a_session_that_was_closed_before_it_was_given_away_is_legal():
    story = TraceBuilder()
    view = story.request()
    session = story.session(view)
    story.use(view, session, "add", at=11)
    story.use(view, session, "close", at=12)
    thread = story.spawn(view, at=22, given=session)
    story.use(thread, session, "add", at=33)
    story.use(thread, session, "close", at=34)
    assert story.judge() == []


def test_a_generator_that_was_dropped_at_its_yield_is_blamed_on_the_line_that_dropped_it():
    story = TraceBuilder()
    view = story.request("GET /users")
    session = story.session(view, at=app(5, "get_db"))
    story.use(view, session, "close", at=app(9, "get_db"))
    story.gone(session, app(9, "get_db"), abandoned=app(20))
    story.use(view, session, at=21)
    story.gone(session, app(9, "get_db"), abandoned=app(20))
    story.use(view, session, "commit", at=22)
    [found] = story.judge()
    assert (found.code, found.site) == ("SG305", app(20))
    assert "a generator that nobody keeps ends at once" in found.message


def test_one_session_that_outlives_its_function_is_one_finding():
    story = TraceBuilder()
    view = story.request("GET /users")
    session = story.session(view, at=app(5, "load"))
    story.use(view, session, "close", at=app(9, "load"))
    for line in (21, 22):
        story.gone(session, app(9, "load"))
        story.use(view, session, at=line)
    assert [found.site for found in story.judge()] == [app(21)]

from __future__ import annotations

import pytest

from pytest_sessionguard import events as ev
from pytest_sessionguard.rules import blame
from pytest_sessionguard.rules.conflicts import conflicts
from unit.tracing import TraceBuilder, app, in_test, module


def line_of_conflict(story: TraceBuilder, session: int) -> ev.Site:
    trace = story.trace()
    return blame.blame(trace, conflicts(trace)[session][0]).site


# -- which line -----------------------------------------------------------------------------------


def test_the_first_strand_that_was_given_the_session_is_told():
    story = TraceBuilder()
    session = story.session(at=3)
    for line in (20, 21):
        story.use(story.spawn(at=line, given=session), session)
    assert line_of_conflict(story, session) == app(20)


def test_a_session_given_to_the_strand_that_started_the_user_is_told_there():
    story = TraceBuilder()
    session = story.session(at=3)
    child = story.spawn(at=20, given=session)
    story.use(story.spawn(child, at=25), session)
    story.use(story.test, session, at=21)
    assert line_of_conflict(story, session) == app(20)


def test_what_was_given_to_both_in_common_shares_nothing():
    story = TraceBuilder()
    session = story.session(at=module(3))
    common = story.spawn(at=20, given=session)
    for line in (25, 26):
        story.use(story.spawn(common, at=line), session)
    assert line_of_conflict(story, session) == module(3)


def test_a_session_taken_out_of_its_registry_is_told_at_the_call():
    story = TraceBuilder()
    session = story.scoped(story.test, story.registry(), at=11, explicit=True)
    assert blame.escaped_at(story.trace(), session).site == app(11)


def test_a_lookup_by_a_method_does_not_give_the_session_away():
    story = TraceBuilder()
    registry = story.registry()
    session = story.scoped(story.test, registry, at=11)
    story.look_up(story.test, registry, session, at=15, explicit=True)
    assert blame.escaped_at(story.trace(), session).site == app(15)


def test_a_requests_session_kept_by_an_object_is_told_at_the_attribute():
    story = TraceBuilder()
    session = story.session(story.request(), at=3)
    story.publish(session, "Cache.session", app(50, "Cache.fill"))
    assert blame.escaped_at(story.trace(), session) == (
        app(50, "Cache.fill"),
        "held by Cache.session",
    )


def test_an_attribute_set_by_the_constructor_says_less_than_the_line_that_made_it():
    story = TraceBuilder()
    session = story.session(story.request(), at=3)
    story.publish(session, "Cache.session", app(50, "Cache.__init__"))
    assert blame.escaped_at(story.trace(), session).site == app(3)


def test_a_session_made_to_be_shared_is_told_where_it_was_made():
    story = TraceBuilder()
    session = story.session(at=module(3))
    story.publish(session, "Store.session", app(50, "Store.open"))
    assert blame.escaped_at(story.trace(), session) == (
        module(3),
        "made here and held by Store.session",
    )


def test_a_session_whose_making_was_not_seen_is_told_at_its_first_use():
    story = TraceBuilder()
    story.use(story.test, 99, at=12)
    assert blame.made(story.trace(), 99).site == app(12)


def test_nothing_known_is_said_to_be_unknown():
    assert blame.made(TraceBuilder().trace(), 99).site == blame.UNKNOWN


def test_the_registry_of_a_conflict_is_the_one_that_both_looked_in():
    story = TraceBuilder()
    registry = story.registry()
    first, second = story.spawn(), story.spawn()
    session = story.scoped(first, registry)
    story.use(first, session)
    story.use(second, session)
    trace = story.trace()
    assert blame.common_registry(trace, conflicts(trace)[session][0]) is None
    story.look_up(second, registry, session)
    trace = story.trace()
    found = blame.common_registry(trace, conflicts(trace)[session][0])
    assert found is not None and found.registry == registry


# -- telling it -------------------------------------------------------------------------------------


def test_requests_are_numbered_in_the_order_in_which_they_began():
    story = TraceBuilder()
    requests = [story.request(f"GET /{name}") for name in "ab"]
    names = [blame.worker_name(story.trace(), each.worker) for each in requests]
    assert names == ["request GET /a #1", "request GET /b #2"]


def test_the_test_is_called_the_test():
    story = TraceBuilder()
    assert blame.worker_name(story.trace(), story.test.worker) == "the test"
    assert blame.worker_name(story.trace(), 99) == "the test"


def test_a_thread_of_the_users_is_called_by_its_label_once():
    story = TraceBuilder()
    thread = story.spawn(label="mailer")
    assert blame.who(story.trace(), thread.strand, thread.worker) == "mailer"


def test_a_strand_of_a_request_is_named_besides_the_request():
    story = TraceBuilder()
    view = story.request("GET /")
    task = story.spawn(view, label="mail")
    assert blame.who(story.trace(), task.strand, task.worker) == "request GET / #1, mail"
    assert blame.who(story.trace(), view.strand, view.worker) == "request GET / #1"


def test_the_line_that_made_a_session_is_not_told_twice():
    story = TraceBuilder()
    session = story.session(at=3)
    trace = story.trace()
    assert [line.site for line in blame.made_here(trace, session)] == [app(3)]
    assert list(blame.made_here(trace, session, app(3))) == []


def test_what_holds_a_session_is_told_with_it():
    story = TraceBuilder()
    session = story.session(at=3)
    story.publish(session, "Cache.session", app(50, "Cache.fill"))
    related = list(blame.made_here(story.trace(), session))
    assert [line.site for line in related] == [app(3), app(50, "Cache.fill")]
    assert blame.session_label(story.trace(), session) == "Session held by Cache.session"


# -- what a test asks for -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("site", "expected"),
    [
        (in_test(5, "test_name"), True),
        (in_test(5, "TestUser.test_name"), True),
        (in_test(5, "test_name.<locals>.read"), True),
        (in_test(5, "factory"), False),
        (app(5, "test_connection"), False),
    ],
)
def test_only_a_test_function_asks_for_an_error_itself(site, expected):
    story = TraceBuilder()
    assert blame.is_expected(story.trace(), story.test.worker, (site,)) is expected


def test_a_request_never_asks_for_an_error():
    story = TraceBuilder()
    worker = story.request().worker
    assert not blame.is_expected(story.trace(), worker, (in_test(5),))


def test_without_a_line_nobody_asked():
    story = TraceBuilder()
    assert not blame.is_expected(story.trace(), story.test.worker, ())


def test_a_session_whose_generator_was_dropped_is_blamed_on_that_line():
    story = TraceBuilder()
    view = story.request("GET /users")
    session = story.session(view, at=3)
    closing = story.spawn(view, at=3, kind="task", given=session)
    story.note(ev.Abandoned(session, app(10)))
    story.use(closing, session, "close", at=3)
    story.use(view, session, "execute", at=14)
    [found] = story.judge()
    assert found.site == app(10)


def test_what_begins_in_the_request_that_made_the_session_and_is_given_nothing():
    story = TraceBuilder()
    request = story.request()
    session = story.session(request, at=3)
    for line in (20, 21):
        story.use(story.spawn(request, at=line), session)
    assert line_of_conflict(story, session) == app(20)


def test_what_begins_beside_a_session_that_a_library_made():
    story = TraceBuilder()
    session = story.session(at=ev.Site("db_middleware.py", 9, "__aenter__", "library"))
    for line in (20, 21):
        story.use(story.spawn(at=line), session)
    assert line_of_conflict(story, session) == app(20)


def test_a_session_of_everybody_is_told_where_it_was_made():
    story = TraceBuilder()
    session = story.session(at=3)
    request = story.request()
    for line in (20, 21):
        story.use(story.spawn(request, at=line), session)
    assert line_of_conflict(story, session) == app(3)

from __future__ import annotations

from pytest_sessionguard import events as ev
from unit.tracing import LOCK, OTHER_LOCK, TraceBuilder, app, in_test, lines_of, module, workers_of


def test_a_session_given_to_a_thread_is_blamed_on_the_line_that_gave_it():
    story = TraceBuilder()
    view = story.request("POST /orders")
    session = story.session(view, at=3)
    thread = story.spawn(view, at=20, given=session, label="mailer")
    story.use(thread, session, "scalars", at=31)
    story.use(view, session, "commit", at=21)
    [found] = story.judge()
    assert (found.code, found.site) == ("SG101", app(20))
    assert workers_of(found) == ["request POST /orders #1, mailer", "request POST /orders #1"]
    assert lines_of(found) == [31, 21]


def test_a_session_of_its_own_for_each_is_silent():
    story = TraceBuilder()
    view = story.request("POST /orders")
    first, thread = story.session(view, at=3), story.spawn(view, at=20)
    second = story.session(thread, at=30)
    story.use(thread, second, "scalars", at=31)
    story.use(view, first, "commit", at=21)
    assert story.judge() == []


def test_a_module_session_found_by_two_threads_is_blamed_on_the_line_that_made_it():
    story = TraceBuilder()
    session = story.session(at=module(3))
    story.publish(session, "db.session")
    story.use(story.spawn(at=20), session, "add", at=31)
    story.use(story.spawn(at=21), session, "commit", at=31)
    [found] = story.check("SG101")
    assert found.site == module(3)
    assert "Session held by db.session" in found.message
    assert found.message.count("held by") == 1
    assert found.message.endswith("nothing orders them (made here)")


def test_a_module_session_that_serves_two_requests_one_after_the_other():
    story = TraceBuilder()
    session = story.session(at=module(3))
    for line in (12, 14):
        request = story.request("GET /a")
        story.use(request, session, at=line)
        story.end(request)
    [found] = story.judge()
    assert (found.code, found.site) == ("SG101", module(3))
    assert workers_of(found) == ["request GET /a #1", "request GET /a #2"]
    assert lines_of(found) == [12, 14]


def test_a_module_session_that_served_a_request_of_an_earlier_test():
    story = TraceBuilder()
    session = story.session(at=module(3))
    story.used_earlier(session, at=12)
    story.use(story.request("GET /new"), session, at=14)
    [found] = story.check("SG101")
    assert workers_of(found) == ["request GET /old of an earlier test", "request GET /new #1"]
    assert lines_of(found) == [12, 14]


def test_two_living_requests_in_one_session_although_the_test_ordered_them():
    story = TraceBuilder()
    first, second = story.request("GET /a"), story.request("GET /b")
    session = story.session(first, at=3)
    story.use(first, session, at=12)
    story.use(second, session, at=13)
    story.use(first, session, "commit", at=14)
    [found] = story.judge()
    assert (found.code, found.site) == ("SG101", app(3))
    assert lines_of(found) == [12, 13]


def test_joining_the_thread_before_going_on_is_legal():
    story = TraceBuilder()
    session = story.session(at=3)
    thread = story.spawn(at=20, given=session)
    story.use(thread, session, at=31)
    story.join(story.test, thread)
    story.use(story.test, session, "commit", at=in_test(21))
    assert story.judge() == []


def test_passing_the_session_through_a_queue_is_legal():
    story = TraceBuilder()
    session = story.session(at=3)
    producer, consumer = story.spawn(at=20), story.spawn(at=21)
    story.use(producer, session, "add", at=31)
    story.pass_on(producer, consumer)
    story.use(consumer, session, "commit", at=41)
    assert story.judge() == []


def test_order_through_a_third_strand_is_order():
    story = TraceBuilder()
    session = story.session(at=3)
    first, between, last = (story.spawn(at=line) for line in (20, 21, 22))
    story.use(first, session, "add", at=31)
    story.pass_on(first, between)
    story.pass_on(between, last)
    story.use(last, session, "commit", at=41)
    assert story.judge() == []


def test_what_comes_after_the_hand_over_is_not_ordered_by_it():
    story = TraceBuilder()
    session = story.session(at=3)
    giver, taker = story.spawn(at=20), story.spawn(at=21)
    story.pass_on(giver, taker)
    story.use(giver, session, "add", at=31)
    story.use(taker, session, "commit", at=41)
    assert [found.code for found in story.judge()] == ["SG101"]


def test_a_common_lock_at_every_use_is_legal():
    story = TraceBuilder()
    session = story.session(at=module(3))
    for line in (20, 21):
        thread = story.spawn(at=line)
        story.use(thread, session, "add", at=31, locks={LOCK})
        story.use(thread, session, "commit", at=32, locks={LOCK, OTHER_LOCK})
    assert story.judge() == []


def test_two_different_locks_protect_nothing():
    story = TraceBuilder()
    session = story.session(at=module(3))
    story.use(story.spawn(at=20), session, "add", at=31, locks={LOCK})
    story.use(story.spawn(at=21), session, "add", at=32, locks={OTHER_LOCK})
    assert [found.code for found in story.judge()] == ["SG101"]


def test_one_use_without_the_lock_is_enough():
    story = TraceBuilder()
    session = story.session(at=module(3))
    story.use(story.spawn(at=20), session, "add", at=31, locks={LOCK})
    careless = story.spawn(at=21)
    story.use(careless, session, "add", at=32, locks={LOCK})
    story.use(careless, session, "commit", at=33)
    [found] = story.judge()
    assert lines_of(found) == [31, 33]


def test_a_session_that_is_shared_by_design_is_silent():
    story = TraceBuilder()
    session = story.session(at=module(3), shared_by_design=True)
    story.use(story.spawn(at=20), session, at=31)
    story.use(story.spawn(at=21), session, at=31)
    for line in (12, 14):
        story.use(story.request(), session, at=line)
    assert story.judge() == []


def test_a_test_made_session_may_serve_one_request_after_the_other():
    story = TraceBuilder()
    session = story.session(at=in_test(5, "db"))
    for line in (12, 14):
        request = story.request()
        story.use(request, session, at=line)
        story.end(request)
    story.use(story.test, session, "close", at=in_test(7, "db"))
    assert story.judge() == []


def test_a_module_session_that_requests_use_under_one_lock_is_silent():
    story = TraceBuilder()
    session = story.session(at=module(3))
    story.used_earlier(session, at=12, locks={LOCK})
    for line in (12, 14):
        story.use(story.request(), session, at=line, locks={LOCK})
    assert story.judge() == []


def test_a_module_session_that_only_one_request_and_the_test_use_is_silent():
    story = TraceBuilder()
    session = story.session(at=module(3))
    story.use(story.test, session, "add", at=in_test(9))
    request = story.request()
    story.use(request, session, at=12)
    story.use(request, session, "commit", at=13)
    story.end(request)
    story.use(story.test, session, at=in_test(11))
    assert story.judge() == []


def test_handing_a_session_from_one_request_to_the_next_once_is_no_interleaving():
    story = TraceBuilder()
    first, second = story.request("GET /a"), story.request("GET /b")
    session = story.session(first, at=3)
    story.use(first, session, "add", at=12)
    story.use(second, session, "commit", at=13)
    assert story.check("SG101") == []


def test_a_second_use_without_the_lock_is_found():
    story = TraceBuilder()
    session = story.session(at=module(3))
    first = story.request()
    story.use(first, session, at=11, locks={LOCK})
    story.use(first, session, at=12)
    story.end(first)
    story.use(story.request(), session, at=13, locks={LOCK})
    assert [found.code for found in story.judge()] == ["SG101"]


# -- kept by the app for every request ---------------------------------------------------------


def two_requests(story, session, at=12, locks=()):
    for label in ("POST /a", "GET /b"):
        view = story.request(label)
        story.use(view, session, at=at, locks=locks)
        story.end(view)


def kept_by_the_first_request(story, **how):
    view = story.request("GET /first")
    session = story.session(view, at=app(8, "get_session"))
    story.use(view, session, at=11)
    story.end(view)
    story.lasts(session, "db.session", app(8, "get_session"), **how)
    return session


def test_a_session_that_a_request_made_and_the_app_keeps_under_a_name():
    story = TraceBuilder()
    session = kept_by_the_first_request(story)
    two_requests(story, session)
    [found] = story.judge()
    assert (found.code, found.site) == ("SG101", app(8, "get_session"))
    assert found.message == (
        "Session is kept by db.session for every request: request GET /first #1, then request POST /a #2"
    )


def test_a_session_that_one_request_hands_to_the_next_is_silent():
    story = TraceBuilder()
    view = story.request("GET /first")
    session = story.session(view, at=8)
    story.use(view, session, at=11)
    story.end(view)
    two_requests(story, session)
    assert story.check("SG101") == []


def test_what_only_a_function_of_the_request_closes_over_is_silent():
    story = TraceBuilder()
    two_requests(story, kept_by_the_first_request(story, by_name=False))
    assert story.check("SG101") == []


def test_a_kept_session_under_one_lock_is_silent():
    story = TraceBuilder()
    view = story.request("GET /first")
    session = story.session(view, at=8)
    story.use(view, session, at=11, locks={LOCK})
    story.end(view)
    story.lasts(session, "db.session", app(8))
    two_requests(story, session, locks={LOCK})
    assert story.check("SG101") == []


def test_a_spare_session_that_is_taken_and_put_back_under_a_lock_is_silent():
    story = TraceBuilder()
    session = None
    for label in ("GET /a", "GET /b"):
        view = story.request(label)
        story.hand_under(view, view)
        session = session or story.session(view, at=8)
        story.use(view, session, at=12)
        story.hand_under(view, view)
        story.end(view)
    story.lasts(session, "db.spare", app(9))
    assert story.check("SG101") == []


def test_a_session_that_a_library_makes_for_a_name_is_blamed_on_the_name():
    story = TraceBuilder()
    view = story.request("GET /first")
    session = story.session(view, at=app(20, "users"))
    story.use(view, session, at=app(20, "users"))
    story.end(view)
    story.lasts(session, "app.container", app(6, "Container"), app(9, "<module>"))
    two_requests(story, session, at=app(20, "users"))
    assert [found.site for found in story.judge()] == [app(6, "Container")]


def test_a_session_that_the_function_which_makes_the_app_stores():
    story = TraceBuilder()
    session = story.session(at=app(6, "create_app"))
    story.lasts(session, "Flask.extensions", app(6, "create_app"))
    two_requests(story, session)
    assert [found.site for found in story.judge()] == [app(6, "create_app")]


def test_a_session_that_a_view_of_that_function_closes_over():
    story = TraceBuilder()
    session = story.session(at=app(6, "create_app"))
    view = app(9, "create_app.<locals>.view")
    story.lasts(session, "the closure of view", view, by_name=False)
    two_requests(story, session)
    assert [found.site for found in story.judge()] == [app(6, "create_app")]


def test_a_session_that_a_fixture_had_made_and_gave_to_the_app_is_silent():
    story = TraceBuilder()
    session = story.session(at=app(6, "make_session"))
    story.lasts(session, "the closure of view", app(9, "create_app.<locals>.view"), by_name=False)
    two_requests(story, session)
    assert story.check("SG101") == []


def test_a_service_that_a_fixture_makes_with_a_session_of_its_own_is_silent():
    story = TraceBuilder()
    session = story.session(at=app(6, "Ledger.__init__"))
    story.lasts(session, "Flask.ledger", app(6, "Ledger.__init__"))
    two_requests(story, session)
    assert story.check("SG101") == []


def test_a_session_that_the_applications_own_constructor_makes():
    story = TraceBuilder()
    session = story.session(at=app(6, "Shop.__init__"))
    story.lasts(session, "Shop.db", app(6, "Shop.__init__"), by_application=True)
    two_requests(story, session)
    assert [found.site for found in story.judge()] == [app(6, "Shop.__init__")]


# -- put where the others put theirs -------------------------------------------------------------


def one_place(story, locks=()):
    made = []
    for label in ("POST /a", "GET /b"):
        view = story.request(label)
        made.append(story.session(view, at=app(7, "UnitOfWork.__enter__")))
        story.use(view, made[-1], at=12, locks=locks)
        story.use(view, made[-1], "close", at=9, locks=locks)
        story.end(view)
    story.replaces(made[1], made[0], "UnitOfWork.session", app(7, "UnitOfWork.__enter__"))


def test_each_request_puts_its_session_where_the_others_put_theirs():
    story = TraceBuilder()
    one_place(story)
    [found] = story.judge()
    assert (found.code, found.site) == ("SG101", app(7, "UnitOfWork.__enter__"))
    assert found.message == (
        "request GET /b #2 puts its Session into UnitOfWork.session, where request POST /a #1 had put "
        "its own: two requests at once find the one that came last"
    )


def test_a_place_that_a_lock_keeps_for_one_request_is_silent():
    story = TraceBuilder()
    one_place(story, locks={LOCK})
    assert story.check("SG101") == []


def test_a_session_that_went_through_a_queue_is_blamed_on_the_line_that_put_it_there():
    story = TraceBuilder()
    worker, view = story.spawn(at=5), story.request("POST /a")
    session = story.session(view, at=8)
    story.note(ev.Queued(session, view.worker, app(12)))
    story.use(worker, session, at=30)
    story.use(view, session, "close", at=14)
    [found] = story.judge()
    assert (found.code, found.site) == ("SG101", app(12))


def test_a_session_whose_generator_next_dropped_is_blamed_on_that_line():
    story = TraceBuilder()
    session = story.session(at=module(3))
    story.gone(session, app(4, "get_db"), abandoned=module(9))
    two_requests(story, session)
    assert {found.site for found in story.judge()} == {module(9)}

from __future__ import annotations

from unit.tracing import LOCK, TraceBuilder, app, in_test, lines_of, module, workers_of


def test_an_instance_given_to_a_thread_that_loads_from_it():
    story = TraceBuilder()
    view = story.request("POST /sign-up")
    session = story.session(view, at=3)
    story.use(view, session, "commit", at=12)
    thread = story.spawn(view, at=20, label="mailer", given=session)
    story.touch(thread, session, at=31)
    story.use(view, session, at=21)
    [found] = story.judge()
    assert (found.code, found.site) == ("SG103", app(20))
    assert workers_of(found) == ["request POST /sign-up #1, mailer", "request POST /sign-up #1"]
    assert lines_of(found) == [31, 21]
    assert found.sides[0].action == "load an instance's attribute"


def test_giving_the_thread_an_id_is_silent():
    story = TraceBuilder()
    view = story.request("POST /sign-up")
    session = story.session(view, at=3)
    story.use(view, session, "commit", at=12)
    thread = story.spawn(view, at=20)
    own = story.session(thread, at=30)
    story.use(thread, own, "get", at=31)
    story.touch(thread, own, at=32)
    story.touch(view, session, at=21)
    assert story.judge() == []


def test_changing_an_attribute_counts_as_well():
    story = TraceBuilder()
    session = story.session(at=module(3))
    story.touch(story.spawn(at=20), session, at=31, action="change")
    story.use(story.spawn(at=21), session, "commit", at=41)
    [found] = story.judge()
    assert (found.code, found.site) == ("SG103", module(3))
    assert found.sides[0].action == "change an instance's attribute"


def test_an_instance_kept_from_a_living_request_and_read_by_another():
    story = TraceBuilder()
    first, second = story.request("GET /a"), story.request("GET /b")
    session = story.session(first, at=3)
    story.use(first, session, "get", at=12)
    story.touch(second, session, at=13)
    story.use(first, session, "commit", at=14)
    [found] = story.judge()
    assert (found.code, found.site, lines_of(found)) == ("SG103", app(3), [12, 13])
    assert found.message.startswith("an instance of Session ")


def test_waiting_for_the_other_side_is_legal():
    story = TraceBuilder()
    session = story.session(at=3)
    thread = story.spawn(at=20, given=session)
    story.touch(thread, session, at=31)
    story.join(story.test, thread)
    story.touch(story.test, session, at=in_test(21))
    assert story.judge() == []


def test_an_instance_put_into_a_queue_is_legal():
    story = TraceBuilder()
    session = story.session(at=3)
    producer, consumer = story.spawn(at=20), story.spawn(at=21)
    story.use(producer, session, "get", at=31)
    story.pass_on(producer, consumer)
    story.touch(consumer, session, at=41)
    assert story.judge() == []


def test_reading_under_a_common_lock_is_legal():
    story = TraceBuilder()
    session = story.session(at=module(3))
    for line in (20, 21):
        story.touch(story.spawn(at=line), session, at=31, locks={LOCK})
    assert story.judge() == []


def test_an_instance_of_a_session_that_is_shared_by_design_is_silent():
    story = TraceBuilder()
    session = story.session(at=module(3), shared_by_design=True)
    story.touch(story.spawn(at=20), session, at=31)
    story.use(story.spawn(at=21), session, at=41)
    assert story.judge() == []


def test_an_instance_that_a_cache_keeps_is_blamed_on_the_line_that_put_it_there():
    story = TraceBuilder()
    first, second = story.request("GET /a"), story.request("GET /b")
    session = story.session(first, at=3)
    story.use(first, session, "get", at=12)
    met = story.touch(second, session, at=13)
    story.use(first, session, "commit", at=14)
    story.keep(met.number, session, "Users.cache", app(40, "load_user"))
    [found] = story.judge()
    assert (found.code, found.site) == ("SG103", app(40, "load_user"))
    assert found.message.endswith("(Users.cache keeps the instance)")


def test_so_it_is_where_nothing_orders_the_two():
    story = TraceBuilder()
    first, second = story.spawn(at=20), story.spawn(at=21)
    session = story.session(first, at=3)
    story.use(first, session, "get", at=12)
    met = story.touch(second, session, at=13)
    story.keep(met.number, session, "Users.cache", app(40, "load_user"))
    assert [found.site for found in story.judge()] == [app(40, "load_user")]

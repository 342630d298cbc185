from __future__ import annotations

from unit.tracing import TraceBuilder, app, in_test, lines_of, module, workers_of


def test_a_thread_that_closes_what_it_was_given_detaches_its_starters_instance():
    story = TraceBuilder()
    session = story.session(at=in_test(3))
    starter = story.spawn(at=10, label="web")
    story.use(starter, session, "commit", at=12)
    thread = story.spawn(starter, at=20, label="export")
    closing = story.detach(thread, session, at=31)
    story.join(starter, thread)
    story.read_detached(starter, closing, at=17)
    [found] = story.judge()
    assert (found.code, found.site) == ("SG202", app(31, "work"))
    assert workers_of(found) == ["export", "web"]
    assert lines_of(found) == [31, 17]


def test_a_thread_with_a_session_of_its_own_detaches_nobody_elses():
    story = TraceBuilder()
    starter = story.spawn(at=10)
    session = story.session(starter, at=3)
    story.use(starter, session, "commit", at=12)
    thread = story.spawn(starter, at=20)
    story.detach(thread, story.session(thread, at=30), at=31)
    story.join(starter, thread)
    story.touch(starter, session, at=17)
    story.detach(starter, session, at=18)
    assert story.judge() == []


def test_an_unordered_close_is_told_where_the_session_is_shared():
    story = TraceBuilder()
    session = story.session(at=module(3))
    reader, closer = story.spawn(at=20, label="a"), story.spawn(at=21, label="b")
    story.use(reader, session, "get", at=31)
    closing = story.detach(closer, session, at=41)
    story.read_detached(reader, closing, at=32)
    [found] = story.check("SG202")
    assert (found.site, workers_of(found), lines_of(found)) == (module(3), ["b", "a"], [41, 32])
    [merged] = story.judge()
    assert (merged.code, merged.also) == ("SG101", ("SG202",))


def test_an_instance_given_to_a_task_before_the_owner_closed():
    story = TraceBuilder()
    view = story.request("POST /order")
    session = story.session(view, at=3)
    story.use(view, session, "commit", at=12)
    task = story.spawn(view, at=20, kind="task", label="mail", given=session)
    closing = story.detach(view, session, at=16)
    story.pass_on(view, task)
    story.read_detached(task, closing, at=31)
    [found] = story.check("SG202")
    assert found.site == app(20)
    assert workers_of(found) == ["request POST /order #1", "request POST /order #1, mail"]


def test_what_the_reader_itself_detached_is_not_this_rules_to_tell():
    story = TraceBuilder()
    view = story.request()
    closing = story.detach(view, story.session(view, at=3), at=16)
    story.read_detached(view, closing, at=17)
    assert story.check("SG202") == []


def test_an_instance_received_after_the_close_was_detached_by_nobody_else():
    story = TraceBuilder()
    loader, reader = story.spawn(at=20), story.spawn(at=21)
    closing = story.detach(loader, story.session(loader, at=3), at=31)
    story.pass_on(loader, reader)
    story.read_detached(reader, closing, at=41)
    assert [found.code for found in story.judge()] == ["SG201"]


def test_closing_anothers_session_that_nobody_reads_from_any_more_is_silent():
    story = TraceBuilder()
    session = story.session(at=in_test(3))
    starter = story.spawn(at=10)
    story.use(starter, session, "commit", at=12)
    thread = story.spawn(starter, at=20)
    story.detach(thread, session, at=31)
    story.join(starter, thread)
    assert story.judge() == []


def test_a_test_that_asks_for_the_error_itself_is_silent():
    story = TraceBuilder()
    session = story.session(at=in_test(3))
    story.use(story.test, session, "get", at=in_test(4))
    thread = story.spawn(at=in_test(5), given=session)
    closing = story.detach(thread, session, at=31)
    story.join(story.test, thread)
    story.read_detached(story.test, closing, at=in_test(7))
    assert story.judge() == []


def test_what_is_put_back_into_a_session_is_silent():
    story = TraceBuilder()
    session = story.session(at=in_test(3))
    starter = story.spawn(at=10)
    story.use(starter, session, "commit", at=12)
    thread = story.spawn(starter, at=20)
    closing = story.detach(thread, session, at=31)
    story.join(starter, thread)
    story.recover(story.read_detached(starter, closing, at=17))
    assert story.judge() == []


def test_what_a_cache_keeps_is_blamed_on_the_line_that_put_it_there():
    story = TraceBuilder()
    first, second = story.request("GET /a"), story.request("GET /b")
    session = story.session(first, at=3)
    reader = story.spawn(second, at=20)
    closing = story.detach(first, session, at=16)
    number = story.read_detached(reader, closing, at=31)
    story.keep(number, session, "shop.CACHE", app(40, "load_user"))
    [found] = story.check("SG202")
    assert found.site == app(40, "load_user")

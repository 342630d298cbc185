from __future__ import annotations

from unit.tracing import LOCK, TraceBuilder, app, in_test, lines_of, module, workers_of


def test_gathered_tasks_on_one_session_are_blamed_on_the_line_that_gave_it():
    story = TraceBuilder()
    view = story.request("GET /dashboard")
    session = story.session(view, at=3)
    first = story.spawn(view, at=20, kind="task", label="sales", given=session)
    second = story.spawn(view, at=21, kind="task", label="stock", given=session)
    query = story.begin(first, session, "scalars", at=31)
    story.use(second, session, "execute", at=41)
    story.finish(query)
    [found] = story.judge()
    assert (found.code, found.site) == ("SG102", app(20))
    assert workers_of(found) == [
        "request GET /dashboard #1, sales",
        "request GET /dashboard #1, stock",
    ]
    assert lines_of(found) == [31, 41]


def test_a_session_in_each_task_is_silent():
    story = TraceBuilder()
    view = story.request("GET /dashboard")
    tasks = [story.spawn(view, at=line, kind="task") for line in (20, 21)]
    running = [story.begin(task, story.session(task, at=30), at=31) for task in tasks]
    for operation in running:
        story.finish(operation)
    assert story.judge() == []


def test_an_operation_that_never_ended_overlaps_what_came_later():
    story = TraceBuilder()
    session = story.session(at=module(3))
    story.begin(story.spawn(at=20), session, at=31)
    story.use(story.spawn(at=21), session, "commit", at=41)
    [found] = story.judge()
    assert (found.code, found.site, lines_of(found)) == ("SG102", module(3), [31, 41])


def test_overlapping_and_merely_unordered_use_on_one_line_is_one_finding():
    story = TraceBuilder()
    session = story.session(at=module(3))
    first, second = story.spawn(at=20), story.spawn(at=21)
    query = story.begin(first, session, at=31)
    story.use(second, session, at=41)
    story.finish(query)
    story.use(second, session, "commit", at=42)
    [found] = story.judge()
    assert (found.code, found.also) == ("SG102", ("SG101",))


def test_a_hand_over_during_the_operation_does_not_order_it():
    story = TraceBuilder()
    session = story.session(at=module(3))
    first, second = story.spawn(at=20), story.spawn(at=21)
    query = story.begin(first, session, at=31)
    story.pass_on(first, second)
    story.use(second, session, at=41)
    story.finish(query)
    assert [found.code for found in story.judge()] == ["SG102"]


def test_awaiting_one_task_before_the_next_is_legal():
    story = TraceBuilder()
    session = story.session(at=in_test(3))
    for line in (20, 21):
        task = story.spawn(at=line, kind="task", given=session)
        story.use(task, session, at=31)
        story.join(story.test, task)
    assert story.judge() == []


def test_waiting_for_a_common_lock_inside_is_legal():
    story = TraceBuilder()
    session = story.session(at=module(3))
    query = story.begin(story.spawn(at=20, kind="task"), session, at=31, locks={LOCK})
    story.use(story.spawn(at=21, kind="task"), session, at=31, locks={LOCK})
    story.finish(query)
    assert story.judge() == []


def test_a_strand_may_do_one_thing_inside_another():
    story = TraceBuilder()
    task = story.spawn(at=20, kind="task")
    session = story.session(task, at=30)
    flush = story.begin(task, session, "commit", at=31)
    story.use(task, session, "execute", at=32)
    story.finish(flush)
    assert story.judge() == []


def test_a_session_that_is_shared_by_design_is_silent():
    story = TraceBuilder()
    session = story.session(at=module(3), shared_by_design=True)
    story.begin(story.spawn(at=20), session, at=31)
    story.use(story.spawn(at=21), session, at=41)
    assert story.judge() == []

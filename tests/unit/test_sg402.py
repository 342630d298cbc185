from __future__ import annotations

from pytest_sessionguard import events as ev
from unit.tracing import LOCK, Actor, TraceBuilder, app, in_test, lines_of, workers_of


def test_a_second_connection_while_the_first_is_held():
    story = TraceBuilder()
    pool, view = story.pool(limit=15), story.request("POST /bill")
    story.check_out(view, pool, story.session(view, at=3), at=13)
    story.check_out(view, pool, story.session(view, at=4), at=14)
    [found] = story.judge()
    assert (found.code, found.site) == ("SG402", app(14))
    assert workers_of(found) == ["request POST /bill #1", "request POST /bill #1"]
    assert lines_of(found) == [13, 14]
    assert "QueuePool of 15" in found.message


def test_the_first_connection_back_before_the_second_is_taken_is_silent():
    story = TraceBuilder()
    pool, view = story.pool(), story.request("POST /bill")
    connection = story.check_out(view, pool, story.session(view, at=3), at=13)
    story.check_in(connection, pool)
    story.check_out(view, pool, story.session(view, at=4), at=14)
    assert story.judge() == []


def test_a_thread_outside_of_requests_is_silent_since_nothing_says_how_many_there_are():
    story = TraceBuilder()
    pool, thread = story.pool(), story.spawn(at=20, label="worker")
    story.check_out(thread, pool, story.session(thread, at=3), at=13)
    story.check_out(thread, pool, story.session(thread, at=4), at=14)
    assert story.judge() == []


def test_a_scoped_session_and_one_of_its_own():
    story = TraceBuilder()
    pool, registry, view = story.pool(), story.registry(), story.request()
    scoped = story.session(story.test, at=8, registry=registry)
    story.check_out(view, pool, scoped, at=13)
    story.check_out(view, pool, story.session(view, at=4), at=14)
    assert [found.site for found in story.check("SG402")] == [app(14)]


def test_two_engines_are_silent():
    story = TraceBuilder()
    view = story.request()
    for line in (3, 4):
        story.check_out(view, story.pool(), story.session(view, at=line), at=line + 10)
    assert story.judge() == []


def test_a_pool_without_a_limit_is_silent():
    story = TraceBuilder()
    pool, view = story.pool(limit=None), story.request()
    for line in (3, 4):
        story.check_out(view, pool, story.session(view, at=line), at=line + 10)
    assert story.judge() == []


def test_a_pool_with_one_connection_for_all_is_silent():
    story = TraceBuilder()
    pool, view = story.pool(limit=1, shared=True), story.request()
    for line in (3, 4):
        story.check_out(view, pool, story.session(view, at=line), at=line + 10)
    assert story.judge() == []


def test_two_requests_with_one_connection_each_are_silent():
    story = TraceBuilder()
    pool = story.pool()
    for line in (3, 4):
        view = story.request()
        story.check_out(view, pool, story.session(view, at=line), at=line + 10)
    assert story.judge() == []


def test_work_of_the_test_itself_is_silent():
    story = TraceBuilder()
    pool = story.pool()
    for line in (3, 4):
        story.check_out(story.test, pool, story.session(at=line), at=line + 10)
    assert story.judge() == []


def test_a_session_that_the_test_made_is_silent():
    story = TraceBuilder()
    pool, view = story.pool(), story.request()
    story.check_out(view, pool, story.session(at=in_test(3)), at=13)
    story.check_out(view, pool, story.session(view, at=4), at=14)
    assert story.judge() == []


def test_a_plain_connection_beside_the_session_is_silent():
    story = TraceBuilder()
    pool, view = story.pool(), story.request()
    story.check_out(view, pool, None, at=13)
    story.check_out(view, pool, story.session(view, at=4), at=14)
    assert story.judge() == []


def test_children_of_a_request_wait_for_each_other_not_for_themselves():
    story = TraceBuilder()
    pool, view = story.pool(), story.request()
    for line in (20, 21):
        task = story.spawn(view, at=line, kind="task")
        story.check_out(task, pool, story.session(task, at=30), at=31)
    assert story.judge() == []


# -- nobody can go on -----------------------------------------------------------------------------


def knot(*waits: tuple[Actor, int, Actor, int]) -> ev.Stuck:
    """Each (who waits, at which line, who holds a connection, since which line)."""
    return ev.Stuck(
        tuple(
            ev.Waiting(
                by.strand, by.worker, "pool", "a connection of the QueuePool of 2", (app(at),),
                (ev.HeldBy(holder.strand, holder.worker, "holds a connection", (app(since),)),),
                refused=at == 14,
            )
            for by, at, holder, since in waits
        )
    )  # fmt: skip


def test_an_exhausted_pool_names_who_holds_and_who_waits():
    story = TraceBuilder()
    one, other = story.spawn(label="worker 0"), story.spawn(label="worker 1")
    story.note(knot((one, 14, other, 21), (other, 22, one, 13)))
    [found] = story.judge()
    assert (found.code, found.site) == ("SG402", app(22))
    assert workers_of(found) == ["worker 0", "worker 0", "worker 1", "worker 1"]
    assert lines_of(found) == [13, 14, 21, 22]
    assert found.message == (
        "worker 0 and worker 1 hold connections and wait for a connection of the QueuePool of 2"
    )


def test_a_connection_that_one_has_left_behind_is_the_line_to_mend():
    story = TraceBuilder()
    one, other = story.spawn(label="worker 0"), story.spawn(label="worker 1")
    story.note(knot((other, 14, one, 13)))
    [found] = story.judge()
    assert found.site == app(13)
    assert (
        "worker 1 waits for a connection of the QueuePool of 2 that worker 0 holds" in found.message
    )


# -- the workers of a test, although the pool sufficed --------------------------------------------


def takes_turns(story: TraceBuilder, *workers: Actor) -> None:
    for worker in workers:
        story.note(ev.TakesTurns(1, worker.worker))


def takes_two(story: TraceBuilder, worker: Actor, pool: int) -> list[int]:
    return [story.check_out(worker, pool, None, at=line) for line in (13, 14)]


def two_that_take_two(limit: int) -> TraceBuilder:
    story = TraceBuilder()
    pool, workers = story.pool(limit), [story.spawn(label=f"worker {n}") for n in range(2)]
    takes_turns(story, *workers)
    for worker in workers:
        for connection in takes_two(story, worker, pool):
            story.check_in(connection, pool)
    return story


def test_as_many_workers_as_could_exhaust_the_pool():
    [found] = two_that_take_two(limit=2).judge()
    assert (found.code, found.site.line, lines_of(found)) == ("SG402", 14, [13, 14])
    assert "2 such workers at once wait for each other for ever (QueuePool of 2)" in found.message


def test_a_pool_that_always_suffices_is_silent():
    assert two_that_take_two(limit=3).judge() == []


def test_one_connection_after_the_other_is_silent():
    story = TraceBuilder()
    pool, workers = story.pool(1), [story.spawn(label=f"worker {n}") for n in range(2)]
    takes_turns(story, *workers)
    for worker in workers * 2:
        story.check_in(story.check_out(worker, pool, None), pool)
    assert story.judge() == []


def test_workers_that_one_lock_keeps_apart_are_silent():
    story = two_that_take_two(limit=2)
    story.events[:] = [
        event._replace(locks=frozenset({LOCK})) if isinstance(event, ev.CheckedOut) else event
        for event in story.events
    ]
    assert story.judge() == []


def test_workers_of_which_one_waits_for_the_other_are_silent():
    story = two_that_take_two(limit=2)
    outs = [event for event in story.events if isinstance(event, ev.CheckedOut)]
    first, second = outs[1], outs[2]
    after = second._replace(seen={first.strand: first.tick})
    story.events[story.events.index(second)] = after
    assert story.judge() == []


def test_a_background_task_with_a_session_of_its_own_is_silent():
    story = TraceBuilder()
    pool, view = story.pool(), story.request()
    session = story.session(view, at=3)
    refreshing = story.begin(view, session, "refresh", at=13)
    story.check_out(view, pool, session, at=13)
    story.finish(refreshing, leaves="open")
    background = story.spawn(view, at=20, kind="job", label="background mail")
    item = story.hop(background)
    story.check_out(item, pool, story.session(item, at=30), at=31)
    assert story.judge() == []

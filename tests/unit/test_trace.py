from __future__ import annotations

from pytest_sessionguard import events as ev
from pytest_sessionguard.trace import NOT_ENDED, Trace
from unit.tracing import TraceBuilder, app, module


def test_events_stay_in_the_order_in_which_they_were_noted():
    trace = Trace()
    trace.note(ev.WorkerEnded(1))
    trace.note(ev.BodyEnded())
    assert trace.events == [ev.WorkerEnded(1), ev.BodyEnded()]


def test_a_trace_at_its_limit_says_that_it_was_cut():
    trace = Trace(limit=2)
    for worker in (1, 2, 3):
        trace.note(ev.WorkerEnded(worker))
    assert (len(trace.events), trace.cut) == (2, True)


def test_a_trace_that_just_fits_is_not_cut():
    trace = Trace(limit=1)
    trace.note(ev.BodyEnded())
    assert not trace.cut


def test_a_copy_has_views_of_its_own():
    trace = Trace([ev.WorkerEnded(1)])
    copy = trace.copy()
    assert copy.worker_ends == {1: 0}
    trace.note(ev.WorkerEnded(2))
    assert trace.copy().worker_ends == {1: 0, 2: 1}


def test_a_view_is_worked_out_once_for_all_rules():
    asked = []
    trace = Trace()

    def view(of: Trace) -> int:
        asked.append(of)
        return 7

    assert (trace.derive(view), trace.derive(view)) == (7, 7)
    assert asked == [trace]


def test_events_of_one_type_come_in_order():
    trace = Trace([ev.WorkerEnded(2), ev.BodyEnded(), ev.WorkerEnded(1)])
    assert [event.worker for event in trace.of(ev.WorkerEnded)] == [2, 1]
    assert list(trace.of(ev.Removed)) == []


def test_a_use_joins_the_beginning_and_the_end_of_an_operation():
    story = TraceBuilder()
    session = story.session()
    operation = story.use(story.test, session, "add", at=12, leaves="dirty")
    [use] = story.trace().uses[session]
    assert (use.began.number, use.began.action) == (operation.number, "add")
    assert (use.ended_at - use.at, use.tick, use.state) == (1, 1, "dirty")


def test_an_operation_that_still_runs_ends_after_everything():
    story = TraceBuilder()
    session = story.session()
    story.begin(story.test, session)
    trace = story.trace()
    [use] = trace.uses[session]
    assert (use.tick, use.ended_at) == (NOT_ENDED, len(trace.events))


def test_uses_are_in_the_order_of_their_beginnings():
    story = TraceBuilder()
    session = story.session()
    outer = story.begin(story.spawn(), session, at=12)
    inner = story.use(story.spawn(), session, at=13)
    story.finish(outer)
    uses = story.trace().uses[session]
    assert [use.began.number for use in uses] == [outer.number, inner.number]


def test_uses_are_kept_apart_by_session():
    story = TraceBuilder()
    first, second = story.session(), story.session()
    story.use(story.test, first)
    story.use(story.test, second)
    assert {session: len(uses) for session, uses in story.trace().uses.items()} == {
        first: 1,
        second: 1,
    }


def test_a_chain_leads_from_a_strand_to_whoever_started_it():
    story = TraceBuilder()
    child = story.spawn()
    grandchild = story.spawn(child)
    chain = story.trace().chain(grandchild.strand)
    assert [began.strand for began in chain] == [
        grandchild.strand,
        child.strand,
        story.test.strand,
    ]


def test_a_chain_of_an_unknown_strand_is_empty():
    assert Trace().chain(99) == []


def test_a_worker_that_was_never_described_is_the_test():
    assert Trace().is_test(99)


def test_kinds_of_workers_are_known():
    story = TraceBuilder()
    request, thread = story.request(), story.spawn()
    trace = story.trace()
    kinds = [trace.kind_of(actor.worker) for actor in (story.test, request, thread)]
    assert kinds == ["test", "request", "thread"]


def test_a_worker_has_ended_before_what_comes_after_its_end():
    story = TraceBuilder()
    request = story.request()
    before = len(story.events)
    story.end(request)
    trace = story.trace()
    assert not trace.ended_before(request.worker, before)
    assert trace.ended_before(request.worker, before + 1)


def test_a_worker_whose_end_was_not_seen_has_not_ended():
    story = TraceBuilder()
    request = story.request()
    assert not story.trace().ended_before(request.worker, 10_000)


def test_views_are_keyed_by_token():
    story = TraceBuilder()
    registry, pool = story.registry(), story.pool()
    session = story.scoped(story.test, registry)
    story.publish(session, "db.session", module(3))
    thread = story.spawn(at=20, given=session)
    trace = story.trace()
    assert trace.registries[registry].stack == (module(5),)
    assert trace.pools[pool].kind == "QueuePool"
    assert trace.sessions[session].registry == registry
    assert trace.published[session].holder == "db.session"
    assert trace.handed[thread.strand, session].site == app(20)
    assert [lookup.strand for lookup in trace.lookups[session]] == [story.test.strand]

from __future__ import annotations

import pytest

from unit.tracing import LOCK, TraceBuilder, in_test, lines_of, module, workers_of


def test_two_strands_that_looked_up_one_session_are_blamed_on_the_registry():
    story = TraceBuilder()
    registry = story.registry()
    first, second = (story.spawn(at=line, kind="greenlet") for line in (20, 21))
    session = story.scoped(first, registry)
    story.look_up(second, registry, session)
    story.use(first, session, "add", at=31)
    story.use(second, session, "commit", at=41)
    [found] = story.judge()
    assert (found.code, found.site) == ("SG303", module(5))
    assert workers_of(found) == [f"greenlet-{first.strand}", f"greenlet-{second.strand}"]
    assert lines_of(found) == [31, 41]


def test_a_session_for_each_strand_out_of_one_registry_is_silent():
    story = TraceBuilder()
    registry = story.registry()
    for line in (20, 21):
        greenlet = story.spawn(at=line, kind="greenlet")
        session = story.scoped(greenlet, registry)
        story.use(greenlet, session, "add", at=31)
        story.remove(greenlet, registry, session, at=32)
    assert story.judge() == []


def test_two_living_requests_in_one_scope_although_the_test_ordered_them():
    story = TraceBuilder()
    registry = story.registry()
    first, second = story.request("GET /a"), story.request("GET /b")
    session = story.scoped(first, registry)
    story.use(first, session, at=12)
    story.look_up(second, registry, session)
    story.use(second, session, at=13)
    story.use(first, session, "commit", at=14)
    [found] = story.judge()
    assert (found.code, found.site, lines_of(found)) == ("SG303", module(5), [12, 13])


@pytest.mark.parametrize("ending", ["close", "reset", "rollback", "expunge_all"])
def test_a_request_inside_a_request_that_ends_what_the_outer_uses(ending):
    story = TraceBuilder()
    registry, outer = story.registry(), story.request("POST /outer")
    session = story.scoped(outer, registry)
    story.use(outer, session, "add", at=12)
    inner = story.request("POST /inner", on=outer)
    story.use(inner, session, ending, at=40)
    story.end(inner)
    [found] = story.judge()
    assert (found.code, found.site) == ("SG303", module(5))
    assert workers_of(found) == ["request POST /outer #1", "request POST /inner #2"]
    assert lines_of(found) == [12, 40]


def test_a_context_inside_a_request_that_ends_its_session():
    story = TraceBuilder()
    registry, outer = story.registry(), story.request("POST /outer")
    session = story.scoped(outer, registry)
    story.use(outer, session, "add", at=12)
    story.remove(story.context(outer), registry, session, at=40)
    [found] = story.judge()
    assert (found.code, lines_of(found)) == ("SG303", [12, 40])


def test_a_key_of_the_users_own_that_two_requests_had_one_after_the_other():
    story = TraceBuilder()
    registry = story.registry()
    first = story.request("GET /tenant/1/a")
    session = story.scoped(first, registry, key="other")
    story.use(first, session, at=12)
    story.end(first)
    second = story.request("GET /tenant/1/b")
    story.use(second, session, at=13)
    [found] = story.judge()
    assert (found.code, found.site, lines_of(found)) == ("SG303", module(5), [12, 13])


def test_a_thread_key_on_an_event_loop_with_state_left_behind():
    story = TraceBuilder()
    registry = story.registry()
    first = story.request("GET /a", on=story.spawn(at=20, kind="task"))
    session = story.scoped(first, registry)
    story.use(first, session, "add", at=12, leaves="dirty")
    story.end(first)
    other = story.spawn(at=21, kind="task")
    story.pass_on(first, other)
    second = story.request("GET /b", on=other)
    story.use(second, session, at=13)
    assert [(found.code, found.site) for found in story.judge()] == [("SG303", module(5))]


def test_a_request_inside_a_request_that_leaves_the_session_alone_is_silent():
    story = TraceBuilder()
    registry, outer = story.registry(), story.request("POST /outer")
    session = story.scoped(outer, registry)
    story.use(outer, session, "add", at=12)
    inner = story.request("POST /inner", on=outer)
    story.use(inner, session, at=40)
    story.end(inner)
    story.remove(outer, registry, session)
    assert story.judge() == []


def test_an_inner_request_may_end_what_the_outer_had_not_begun_to_use():
    story = TraceBuilder()
    registry, outer = story.registry(), story.request("POST /outer")
    inner = story.request("POST /inner", on=outer)
    session = story.scoped(inner, registry)
    story.use(inner, session, "add", at=40)
    story.remove(inner, registry, session, at=41)
    story.end(inner)
    story.use(outer, session, at=12)
    assert story.check("SG303") == []


def test_one_request_at_a_time_that_removes_is_silent():
    story = TraceBuilder()
    registry = story.registry()
    session = story.scoped(story.test, registry, key="other")
    for line in (12, 14):
        request = story.request()
        story.look_up(request, registry, session, key="other")
        story.use(request, session, at=line)
        story.use(request, session, "close", at=line + 1)
        story.end(request)
    assert story.judge() == []


def test_requests_inside_the_tests_own_context_share_its_scope():
    story = TraceBuilder()
    registry = story.registry()
    session = story.scoped(story.test, registry, at=in_test(8), key="other")
    for line in (12, 14):
        request = story.request(inside_test_context=True)
        story.look_up(request, registry, session, key="other")
        story.use(request, session, "add", at=line, leaves="dirty")
        story.end(request)
    assert story.judge() == []


def test_a_lease_that_the_test_began_makes_no_request_guilty():
    story = TraceBuilder()
    registry = story.registry()
    session = story.scoped(story.test, registry, at=in_test(8), key="other")
    story.use(story.test, session, "add", at=in_test(9), leaves="dirty")
    for line in (12, 14):
        request = story.request()
        story.use(request, session, at=line)
        story.end(request)
    assert story.judge() == []


def test_a_registry_that_a_test_built_may_be_coarse_for_requests_in_turn():
    story = TraceBuilder()
    registry = story.registry(at=in_test(4, "<module>"))
    first = story.request()
    session = story.scoped(first, registry, key="other")
    story.use(first, session, at=12, leaves="dirty")
    story.end(first)
    story.use(story.request(), session, at=13)
    assert story.judge() == []


def test_a_common_lock_makes_one_scope_for_two_threads_legal():
    story = TraceBuilder()
    registry = story.registry()
    first, second = story.spawn(at=20), story.spawn(at=21)
    session = story.scoped(first, registry, key="other")
    story.look_up(second, registry, session, key="other")
    story.use(first, session, at=31, locks={LOCK})
    story.use(second, session, at=41, locks={LOCK})
    assert story.judge() == []


def test_a_nested_request_inside_the_tests_own_context_is_silent():
    story = TraceBuilder()
    registry, outer = story.registry(), story.request("POST /outer", inside_test_context=True)
    session = story.scoped(outer, registry)
    story.use(outer, session, "add", at=12)
    inner = story.request("POST /inner", on=outer, inside_test_context=True)
    story.use(inner, session, "close", at=40)
    assert story.judge() == []

from __future__ import annotations

import pytest

from pytest_sessionguard.rules import leases
from unit.tracing import LOCK, TraceBuilder, app, in_test


def lines(lease):
    return [use.began.stack[0].line for use in lease]


def crossing_lines(crossings):
    return [lines((each.use, each.end)) for each in crossings]


# -- one lease --------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["close", "reset", "invalidate"])
def test_an_ending_ends_a_lease(ending):
    story = TraceBuilder()
    session = story.session()
    story.use(story.test, session, "add", at=12)
    story.use(story.test, session, ending, at=13)
    story.use(story.test, session, "add", at=14)
    found = leases.leases(story.trace(), session)
    assert [lines(lease) for lease in found] == [[12, 13], [14]]


@pytest.mark.parametrize("action", ["commit", "rollback"])
def test_commit_and_rollback_do_not_end_a_lease(action):
    story = TraceBuilder()
    session = story.session()
    for line, each in ((12, "add"), (13, action), (14, "add")):
        story.use(story.test, session, each, at=line)
    assert [lines(lease) for lease in leases.leases(story.trace(), session)] == [[12, 13, 14]]


def test_closing_what_is_not_leased_is_no_lease():
    story = TraceBuilder()
    session = story.session()
    story.use(story.test, session, "close", at=12)
    story.use(story.test, session, "close", at=13)
    assert list(leases.leases(story.trace(), session)) == []


# -- registries and ancestors ------------------------------------------------------------------


def test_a_registry_of_the_test_is_nobodys_to_judge():
    story = TraceBuilder()
    session = story.scoped(story.request(), story.registry(at=in_test(4)))
    assert leases.registry_of(story.trace(), session) is None


def test_the_registry_that_made_a_session_is_found():
    story = TraceBuilder()
    registry = story.registry()
    session = story.scoped(story.request(), registry)
    plain = story.session()
    trace = story.trace()
    assert leases.registry_of(trace, session) == trace.registries[registry]
    assert leases.registry_of(trace, plain) is None


def test_a_session_that_was_never_described_has_no_registry():
    assert leases.registry_of(TraceBuilder().trace(), 99) is None


def test_ancestors_are_told_innermost_first():
    story = TraceBuilder()
    outer = story.request()
    inner = story.context(outer)
    assert leases.ancestors(story.trace(), inner.worker) == [outer.worker, story.test.worker]


# -- handed on ----------------------------------------------------------------------------------


def two_requests(first_ends: bool = True, action: str = "execute", **first) -> TraceBuilder:
    story = TraceBuilder()
    one = story.request(**first)
    session = story.session(one)
    story.use(one, session, "add", at=12, leaves="open")
    if first_ends:
        story.end(one)
    story.use(story.request(), session, action, at=14)
    return story


def test_a_request_is_handed_what_an_ended_one_left():
    [crossing] = leases.handed_on(two_requests().trace())
    assert lines((crossing.use, crossing.end)) == [12, 14]
    assert leases.left_state(crossing)


def test_nothing_is_handed_on_while_the_first_request_lives():
    assert list(leases.handed_on(two_requests(first_ends=False).trace())) == []


def test_closing_what_was_left_is_cleaning_up():
    assert list(leases.handed_on(two_requests(action="close").trace())) == []


def test_a_request_in_the_tests_own_context_hands_nothing_on():
    assert list(leases.handed_on(two_requests(inside_test_context=True).trace())) == []


def test_a_closed_session_hands_nothing_on():
    story = TraceBuilder()
    one = story.request()
    session = story.session(one)
    story.use(one, session, "add")
    story.use(one, session, "close")
    story.end(one)
    story.use(story.request(), session)
    assert list(leases.handed_on(story.trace())) == []


def test_a_lease_that_the_test_began_is_never_handed_on():
    story = TraceBuilder()
    session = story.session()
    story.use(story.test, session, "add")
    for _ in range(2):
        request = story.request()
        story.use(request, session)
        story.end(request)
    assert list(leases.handed_on(story.trace())) == []


# -- interleaved --------------------------------------------------------------------------------


def test_the_first_goes_on_after_the_second():
    story = TraceBuilder()
    first, second = story.request(), story.request()
    session = story.session(first)
    for actor, line in ((first, 12), (second, 13), (first, 14)):
        story.use(actor, session, at=line)
    assert crossing_lines(leases.interleaved(story.trace())) == [[12, 13]]


def test_the_second_ends_what_the_first_still_has():
    story = TraceBuilder()
    first, second = story.request(), story.request()
    session = story.session(first)
    story.use(first, session, "add", at=12)
    story.use(second, session, "close", at=13)
    assert crossing_lines(leases.interleaved(story.trace())) == [[12, 13]]


def test_a_plain_hand_over_is_no_interleaving():
    story = TraceBuilder()
    first, second = story.request(), story.request()
    session = story.session(first)
    story.use(first, session, "add", at=12)
    story.use(second, session, "commit", at=13)
    assert list(leases.interleaved(story.trace())) == []


def test_requests_under_one_lock_are_not_interleaved():
    story = TraceBuilder()
    first, second = story.request(), story.request()
    session = story.session(first)
    for actor in (first, second, first):
        story.use(actor, session, locks={LOCK})
    assert list(leases.interleaved(story.trace())) == []


def test_a_request_inside_another_is_not_interleaved_with_it():
    story = TraceBuilder()
    outer = story.request()
    inner = story.request(on=outer)
    session = story.session(outer)
    for actor in (outer, inner, outer):
        story.use(actor, session)
    assert list(leases.interleaved(story.trace())) == []


@pytest.mark.parametrize("how", ["made by the test", "shared by design"])
def test_some_sessions_may_pass_from_request_to_request(how):
    story = TraceBuilder()
    first, second, third = (story.request() for _ in range(3))
    at = in_test(3) if how == "made by the test" else 3
    session = story.session(at=at, shared_by_design=how == "shared by design")
    for actor in (first, second, first):
        story.use(actor, session, leaves="open")
    story.end(first)
    story.use(third, session)
    assert list(leases.interleaved(story.trace())) == []
    assert list(leases.handed_on(story.trace())) == []


def test_what_comes_after_the_first_requests_end_is_no_interleaving():
    story = TraceBuilder()
    first = story.request()
    session = story.session(first)
    story.use(first, session, "add")
    story.end(first)
    story.use(story.request(), session, "close")
    assert list(leases.interleaved(story.trace())) == []


# -- ended by what runs inside --------------------------------------------------------------------


def nested(outer_ended: bool = False) -> TraceBuilder:
    story = TraceBuilder()
    outer = story.request()
    session = story.session(outer)
    story.use(outer, session, "add", at=12)
    inner = story.request(on=outer)
    if outer_ended:
        story.end(outer)
    story.use(inner, session, "rollback", at=40)
    return story


def test_an_inner_worker_takes_away_what_the_outer_uses():
    assert crossing_lines(leases.ended_by_nested(nested().trace())) == [[12, 40]]


def test_an_outer_worker_that_has_ended_loses_nothing():
    assert list(leases.ended_by_nested(nested(outer_ended=True).trace())) == []


def test_what_the_test_uses_may_be_ended_by_a_request():
    story = TraceBuilder()
    session = story.session()
    story.use(story.test, session, "add")
    story.use(story.request(), session, "close")
    assert list(leases.ended_by_nested(story.trace())) == []


# -- coarse keys ----------------------------------------------------------------------------------


def handed(key: str, kind: str, leaves: str) -> tuple[TraceBuilder, leases.Crossing]:
    story = TraceBuilder()
    registry = story.registry()
    one = story.request(on=story.spawn(kind=kind))
    session = story.scoped(one, registry, key=key)
    story.use(one, session, leaves=leaves)
    story.end(one)
    story.use(story.request(on=story.spawn(kind=kind)), session)
    [crossing] = leases.handed_on(story.trace())
    return story, crossing


@pytest.mark.parametrize(
    ("key", "kind", "leaves", "coarse"),
    [
        ("other", "thread", "", True),
        ("thread", "task", "open", True),
        ("thread", "callback", "dirty", True),
        ("thread", "task", "", False),
        ("thread", "thread", "dirty", False),
        ("thread", "greenlet", "dirty", False),
        ("strand", "task", "dirty", False),
    ],
)
def test_which_keys_are_too_coarse(key, kind, leaves, coarse):
    story, crossing = handed(key, kind, leaves)
    assert leases.too_coarse(story.trace(), crossing) is coarse


def test_a_session_that_only_one_looked_up_was_passed_on_by_hand():
    story, crossing = handed("thread", "thread", "open")
    assert not leases.looked_up_by_both(story.trace(), crossing)


def removed_by_a_request(by):
    """A thread begun at a line uses the scoped Session, and a request in it removes that."""
    story = TraceBuilder()
    registry = story.registry()
    thread = story.spawn(at=by)
    session = story.scoped(thread, registry)
    story.use(thread, session, "add", at=31)
    story.remove(story.request("GET /users", on=thread), registry, session)
    return list(leases.ended_by_nested(story.trace()))


def test_a_request_that_ends_what_the_apps_own_thread_uses():
    assert len(removed_by_a_request(app(20))) == 1


def test_a_thread_of_the_tests_owns_the_scope_as_the_test_does():
    assert removed_by_a_request(in_test(20)) == []

from __future__ import annotations

import pytest

from pytest_sessionguard import events as ev
from unit.tracing import TraceBuilder, app, lines_of, workers_of


def forked(what: str, at: tuple[ev.Site, ...] = (app(20),)) -> TraceBuilder:
    story = TraceBuilder()
    session = story.session(at=3)
    story.use(story.test, session, at=12, leaves="open")
    made, used = (app(3),), (app(31, "work"),)
    story.note(ev.ForkedUse(what, session, made, at, used))
    return story


@pytest.mark.parametrize("what", ["session", "connection"])
def test_a_child_that_goes_on_with_its_parents_is_blamed_on_the_fork(what):
    [found] = forked(what).judge()
    assert (found.code, found.site) == ("SG105", app(20))
    assert workers_of(found) == ["the parent", "the child"]
    assert lines_of(found) == [20, 31]
    assert found.sides[1].action == f"used the parent's {what}"


def test_the_line_that_made_it_is_told_as_well():
    [found] = forked("session").check("SG105")
    assert [line.site for line in found.related] == [app(3)]


def test_a_child_with_a_session_of_its_own_is_silent():
    story = TraceBuilder()
    session = story.session(at=3)
    story.use(story.test, session, at=12, leaves="open")
    child = story.spawn(at=20)
    story.use(child, story.session(child, at=30), at=31)
    assert story.judge() == []


def test_a_fork_by_a_library_has_no_line_to_mend_and_is_silent():
    assert forked("connection", at=()).judge() == []

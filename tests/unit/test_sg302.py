from __future__ import annotations

from pytest_sessionguard import events as ev
from unit.tracing import TraceBuilder, app, lines_of, module, workers_of


def test_a_session_made_before_the_configuration_is_blamed_on_the_early_call():
    story = TraceBuilder()
    registry = story.registry()
    session = story.scoped(story.test, registry, at=module(8))
    story.note(ev.Configured(registry, session, (module(8),), (app(30, "create_app"),)))
    story.look_up(story.request(), registry, session)
    [found] = story.judge()
    assert (found.code, found.site) == ("SG302", module(8))
    assert workers_of(found) == ["the first call", "the configuration"]
    assert lines_of(found) == [8, 30]
    assert "UnboundExecutionError" in found.message


def test_configured_before_the_first_use_is_silent():
    story = TraceBuilder()
    registry, view = story.registry(), story.request()
    session = story.scoped(view, registry, at=11)
    story.use(view, session, at=12)
    story.remove(view, registry, session)
    assert story.judge() == []


def test_removed_by_the_app_in_between_is_silent():
    story = TraceBuilder()
    registry = story.registry()
    story.remove(story.test, registry, story.scoped(story.test, registry, at=8), at=9)
    view = story.request()
    session = story.scoped(view, registry, at=11)
    story.use(view, session, at=12)
    story.remove(view, registry, session)
    assert story.judge() == []

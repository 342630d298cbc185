from __future__ import annotations

from pytest_sessionguard import events as ev
from unit.tracing import LOCK, TraceBuilder, app, in_test, lines_of, module, workers_of

BUILT = (module(5),)
MADE = (module(3),)


def late(made: ev.Stack = BUILT, patched: ev.Site | None = None) -> TraceBuilder:
    story = TraceBuilder()
    registry = story.registry()
    view = story.request("POST /a")
    session = story.scoped(view, registry, at=11)
    story.use(view, session, "add", at=12)
    story.note(ev.LatePatch("scoped_session", registry, made, patched, (app(11),), view.worker))
    story.remove(view, registry, session)
    return story


def test_a_registry_built_before_the_patch_is_told_by_one_request():
    [found] = late(patched=in_test(2, "<module>")).judge()
    assert (found.code, found.site) == ("SG301", module(5))
    assert (workers_of(found), lines_of(found)) == (["request POST /a #1"], [11])
    assert [line.site for line in found.related] == [in_test(2, "<module>")]


def test_where_the_patch_was_need_not_be_known():
    [found] = late().check("SG301")
    assert found.related == ()


def test_patched_first_the_same_story_is_silent():
    story = TraceBuilder()
    registry, view = story.registry(), story.request("POST /a")
    session = story.scoped(view, registry, at=11)
    story.use(view, session, "add", at=12)
    story.remove(view, registry, session)
    assert story.judge() == []


def test_a_registry_that_a_library_built_has_no_line_to_mend_and_is_silent():
    assert late(made=()).judge() == []


def test_two_greenlets_in_the_late_registry_are_told_by_its_line_as_well():
    story = late()
    registry = story.registry()
    greenlets = [story.spawn(at=line, kind="greenlet") for line in (20, 21)]
    requests = [story.request("POST /b", on=greenlet) for greenlet in greenlets]
    session = story.scoped(requests[0], registry)
    story.look_up(requests[1], registry, session)
    for request in requests:
        story.use(request, session, "add", at=12)
    assert [found.code for found in story.judge()] == ["SG301", "SG303"]


def with_pool(story: TraceBuilder, made: ev.Stack = MADE) -> TraceBuilder:
    view = story.request("POST /a")
    story.note(ev.LatePatch("pool", 900, made, None, (app(14),), view.worker))
    return story


def test_a_pool_built_before_the_patch_is_told():
    [found] = with_pool(TraceBuilder()).check("SG301")
    assert (found.site, lines_of(found)) == (module(3), [14])
    assert "connection pool" in found.message


def test_where_the_registry_is_late_too_the_pool_is_only_mentioned():
    [found] = with_pool(late()).check("SG301")
    assert found.site == module(5)
    assert [line.site for line in found.related] == [module(3)]


def test_a_pool_that_a_library_made_is_silent():
    assert with_pool(TraceBuilder(), made=()).check("SG301") == []


def with_lock(story: TraceBuilder, held: bool = True, kind: str = "greenlet") -> TraceBuilder:
    """A worker takes a native lock, and uses a session while it holds it, or after that."""
    worker = story.spawn(at=20, kind=kind)
    session = story.session(worker, at=30)
    story.note(ev.LatePatch("lock", LOCK, (module(4),), None, (app(31),), worker.worker))
    story.use(worker, session, at=32, locks={LOCK} if held else ())
    return story


def test_a_lock_made_before_the_patch_is_told_where_a_greenlet_uses_a_session_under_it():
    [found] = with_lock(TraceBuilder()).judge()
    assert (found.code, found.site, lines_of(found)) == ("SG301", module(4), [31])
    assert "this lock was made before gevent patched threads" in found.message


def test_a_late_lock_that_guards_no_session_is_silent():
    assert with_lock(TraceBuilder(), held=False).judge() == []


def test_a_late_lock_that_only_threads_hold_is_silent():
    assert with_lock(TraceBuilder(), kind="thread").judge() == []


def test_where_a_registry_or_a_pool_is_late_too_the_lock_is_only_mentioned():
    for story, site in (
        (with_lock(late()), module(5)),
        (with_lock(with_pool(TraceBuilder())), module(3)),
    ):
        [found] = story.check("SG301")
        assert found.site == site
        assert [line.site for line in found.related] == [module(4)]

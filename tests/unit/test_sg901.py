from __future__ import annotations

from pytest_sessionguard import events as ev
from unit.tracing import TraceBuilder, app, in_test, lines_of


def failed(story: TraceBuilder, passes_serially: bool = True) -> TraceBuilder:
    story.note(ev.BodyFailed("AssertionError", in_test(9), passes_serially))
    return story


class Workers:
    """Two workers, and the statements that they run in the order in which they are told."""

    def __init__(self) -> None:
        self.story = TraceBuilder()
        self.workers = [self.story.spawn(at=line) for line in (20, 21)]

    def run(self, worker: int, verb: str, line: int, table: str = "stock") -> None:
        who = self.workers[worker]
        writes = verb != "SELECT"
        self.story.note(ev.Statement(who.strand, who.worker, verb, (table,), writes, (app(line),)))


def lost_update() -> TraceBuilder:
    both = Workers()
    both.run(0, "SELECT", 11)
    both.run(1, "SELECT", 11)
    both.run(1, "UPDATE", 12)
    both.run(0, "UPDATE", 12)
    both.run(0, "SELECT", 13)
    return both.story


def test_the_last_write_that_meets_the_other_worker_is_told_with_both_sides():
    [found] = failed(lost_update()).check("SG901")
    assert found.site == app(12)
    assert lines_of(found) == [12, 12]
    assert "stock" in found.message
    assert [line.site for line in found.related] == [app(11), in_test(9)]


def test_a_body_that_fails_serially_is_no_matter_of_order():
    assert failed(lost_update(), passes_serially=False).check("SG901") == []


def test_a_body_that_passes_is_silent():
    assert lost_update().check("SG901") == []


def test_workers_on_tables_of_their_own_have_not_met():
    both = Workers()
    both.run(0, "UPDATE", 11, "stock")
    both.run(1, "UPDATE", 12, "orders")
    assert failed(both.story).check("SG901") == []


def test_two_readers_have_not_met():
    both = Workers()
    both.run(0, "SELECT", 11)
    both.run(1, "SELECT", 12)
    assert failed(both.story).check("SG901") == []


def test_a_read_of_what_the_other_wrote_is_told_if_there_is_no_write_after():
    both = Workers()
    both.run(0, "UPDATE", 11)
    both.run(1, "SELECT", 12)
    [found] = failed(both.story).check("SG901")
    assert (found.site, lines_of(found)) == (app(12), [11, 12])


def test_another_finding_is_the_reason_and_is_told_alone():
    story = failed(lost_update())
    shared = story.session(story.test)
    for line in (30, 31):
        story.use(story.spawn(at=line), shared, "add", at=line)
    assert "SG901" not in [found.code for found in story.judge()]


def test_a_write_decided_on_a_read_explains_more_than_a_later_one():
    both = Workers()
    both.run(0, "SELECT", 11)
    both.run(1, "SELECT", 11)
    both.run(1, "UPDATE", 12)
    both.run(0, "UPDATE", 12)
    both.run(0, "INSERT", 13, "ticket")
    both.run(0, "SELECT", 15, "ticket")
    both.run(1, "INSERT", 13, "ticket")
    both.run(0, "INSERT", 13, "journal")

    [found] = failed(both.story).check("SG901")

    assert found.site == app(12)
    assert lines_of(found) == [12, 12]
    assert "stock" in found.message

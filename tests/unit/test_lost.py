"""SG305 of a write that is silently lost: an instance that outlives its request is changed."""

from __future__ import annotations

import pytest

from unit.tracing import Actor, Operation, TraceBuilder, app, in_test, lines_of, workers_of


class Late:
    """A request gives an instance to work, and closes its Session before the work goes on."""

    def __init__(self, kind: str = "thread") -> None:
        self.story = story = TraceBuilder()
        self.view: Actor = story.request("POST /order")
        self.session = story.session(self.view, at=3)
        self.work: Actor = story.spawn(self.view, at=20, kind=kind, label="mail")
        self.closing: Operation = story.detach(self.view, self.session, at=22)

    def change(self) -> int:
        return self.story.set_detached(self.work, self.closing, at=33)

    def own(self, *actions: str) -> None:
        session = self.story.session(self.work, at=30)
        for action in actions:
            if action == "change":
                self.change()
            else:
                self.story.use(self.work, session, action, at=34)

    def codes(self) -> list[str]:
        return [found.code for found in self.story.judge()]


@pytest.mark.parametrize("kind", ["thread", "task", "greenlet", "job"])
def test_a_change_after_the_owners_close_is_lost(kind):
    late = Late(kind)
    late.change()
    [found] = late.story.judge()
    assert (found.code, found.site) == ("SG305", app(20))
    assert "sets User.name" in found.message
    assert workers_of(found) == ["request POST /order #1", "request POST /order #1, mail"]
    assert lines_of(found) == [22, 33]


def test_it_is_lost_also_where_something_orders_it_after_the_close():
    late = Late()
    late.story.pass_on(late.view, late.work)
    late.change()
    assert late.codes() == ["SG305"]


def test_a_commit_in_a_session_of_its_own_does_not_write_it():
    late = Late()
    late.own("execute", "change", "add", "commit", "close")
    assert late.codes() == ["SG305"]


def test_an_instance_that_is_put_into_a_session_afterwards_is_written():
    late = Late()
    late.story.recover(late.change())
    assert late.codes() == []


@pytest.mark.parametrize(
    "actions",
    [
        ("get", "commit", "change"),  # written there before, and kept up to date here
        ("change", "execute", "commit"),  # an UPDATE
        ("change", "get", "commit"),
        ("change", "bulk_update_mappings", "commit"),
    ],
)
def test_work_that_may_have_written_the_row_itself_is_silent(actions):
    late = Late()
    late.own(*actions, "close")
    assert late.codes() == []


def test_a_connection_of_its_own_may_have_written_the_row():
    late = Late()
    pool = late.story.pool()
    late.story.check_in(late.story.check_out(late.work, pool, None), pool)
    late.change()
    assert late.codes() == []


def test_work_that_has_the_same_row_in_its_own_session_is_silent():
    late = Late()
    late.story.set_detached(late.work, late.closing, loaded_anew=True)
    assert late.codes() == []


def test_an_instance_that_is_given_away_after_the_close_is_plain_data():
    late = Late()
    late.story.set_detached(late.work, late.closing, given=late.closing.number + 1)
    assert late.codes() == []


def test_who_closes_the_session_itself_knows_that_it_is_closed():
    story = TraceBuilder()
    view = story.request("POST /order")
    session = story.session(view, at=3)
    work = story.spawn(view, at=20)
    story.join(view, work)
    story.set_detached(work, story.detach(work, session, at=32))
    assert story.judge() == []


def test_a_helper_that_closes_for_the_work_is_the_works_own():
    story = TraceBuilder()
    view = story.request("POST /order")
    session = story.session(view, at=3)
    work = story.spawn(view, at=20)
    helper = story.spawn(work, at=31)
    closing = story.detach(helper, session, at=41)
    story.join(work, helper)
    story.set_detached(work, closing)
    assert story.judge() == []


def test_an_instance_that_its_owner_takes_out_is_given_away():
    story = TraceBuilder()
    view = story.request("POST /order")
    session = story.session(view, at=3)
    work = story.spawn(view, at=20)
    story.set_detached(work, story.detach(view, session, at=22, action="expunge"))
    assert story.judge() == []


def test_an_instance_of_a_session_that_the_test_made_is_the_tests():
    story = TraceBuilder()
    view = story.request("POST /order")
    session = story.session(view, at=in_test(3))
    work = story.spawn(view, at=20)
    story.set_detached(work, story.detach(view, session, at=22))
    assert story.judge() == []


def test_work_that_met_its_owner_before_the_close_is_told_by_that():
    story = TraceBuilder()
    view = story.request("POST /order")
    session = story.session(view, at=3)
    work = story.spawn(view, at=20, given=session)
    story.touch(work, session, at=31)
    story.set_detached(work, story.detach(view, session, at=22))
    [found] = story.judge()
    assert (found.code, found.also) == ("SG103", ())


def test_what_a_long_lived_worker_is_given_later_is_plain_data():
    story = TraceBuilder()
    worker = story.spawn(at=5)  # holds a list, into which the request puts what it has loaded
    view = story.request("POST /order")
    session = story.session(view, at=3)
    closing = story.detach(view, session, at=22)
    story.set_detached(worker, closing)
    assert story.judge() == []

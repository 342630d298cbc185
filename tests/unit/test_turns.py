from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
from greenlet import getcurrent, greenlet

from pytest_sessionguard.schedule import turn
from pytest_sessionguard.schedule.footprints import Footprint
from pytest_sessionguard.schedule.strategy import Decision, Step
from pytest_sessionguard.schedule.turn import DEADLOCK, HANG
from pytest_sessionguard.schedule.turns import Turns
from pytest_sessionguard.schedule.waiting import Answer
from unit.turning import FakeGate, Table, Worker, stepping


def numbers(steps: tuple[Step, ...]) -> str:
    return "".join(str(step.worker) for step in steps)


def test_the_empty_schedule_lets_each_worker_end_before_the_next():
    table = Table(stepping(2), stepping(1), stepping(1))
    execution = table.run()
    assert table.turns.is_finished()
    assert table.log == [0, 0, 0, 1, 1, 2, 2]
    assert numbers(execution.steps) == "0012"
    assert execution.choices == ()


def test_a_schedule_takes_the_turn_away_and_says_where():
    table = Table(stepping(2), stepping(1), schedule=(0, 1))
    execution = table.run()
    assert table.log == [0, 1, 1, 0, 0]
    assert numbers(execution.steps) == "010"
    start, taken = execution.decisions[:2]
    assert (start.free, start.is_preemption) == (True, False), "nobody had the turn"
    assert taken == Decision(step=1, able=(0, 1), chosen=1, free=False)
    assert taken.is_preemption


def test_the_step_is_noted_before_the_turn_is_taken():
    table = Table(stepping(1), stepping(1), schedule=(0, 1))
    assert table.run().steps == (Step(0, "step 0"), Step(1, "step 0"))


def test_choosing_who_follows_one_that_has_ended_takes_the_turn_from_nobody():
    table = Table(stepping(0), stepping(0), stepping(0), schedule=(0, 1))
    execution = table.run()
    assert table.log == [0, 2, 1]
    assert [decision.is_preemption for decision in execution.decisions] == [False, False]


def test_a_choice_that_is_not_there_any_more_is_the_first_one():
    """A changed program: its replay drifts, and must not fail here."""
    table = Table(stepping(1), stepping(1), schedule=(7, 7, 7))
    execution = table.run()
    assert table.turns.is_finished()
    assert execution.choices == ()


def test_of_workers_alike_only_the_first_may_start_first():
    unlike, alike = (Table(*[stepping(0)] * 3, alike=each) for each in (False, True))
    assert unlike.run().decisions[0].able == (0, 1, 2)
    assert alike.run().decisions == (), "which of them starts first is not worth a decision"


def test_workers_alike_may_still_start_while_another_is_under_way():
    table = Table(stepping(1), stepping(1), schedule=(1,), alike=True)
    execution = table.run()
    assert table.log == [0, 1, 1, 0]
    assert execution.decisions[0].able == (0, 1)


class Lock:
    """A lock that workers ask for as ``observe.waits`` does."""

    def __init__(self) -> None:
        self.held = False
        self.by: set[int] = set()

    def take(self, worker: Worker, **kind: Any) -> bool:
        while self.held:
            wait = worker.wait(lambda: not self.held, holders=lambda: self.by, **kind)
            if wait is not Answer.AGAIN:
                return False
        self.held, self.by = True, {worker.number}
        return True

    def release(self) -> None:
        self.held, self.by = False, set()


def test_who_waits_is_passed_over_until_it_is_free():
    lock = Lock()

    def work(worker: Worker) -> None:
        assert lock.take(worker)
        worker.point("inside")
        lock.release()
        worker.point("outside")

    table = Table(work, work, schedule=(0, 1))
    execution = table.run()
    assert table.turns.is_finished()
    assert table.turn.given_up is None
    # Worker 1 began while 0 was inside, was passed over, and went on once 0 had let go.
    assert [(step.worker, step.name) for step in execution.steps if step.name == "inside"] == [
        (0, "inside"),
        (1, "inside"),
    ]
    blocked = [decision for decision in execution.decisions if decision.able == (1,)]
    assert blocked == [], "one that can go on alone is no decision"


def test_a_turn_that_its_holder_cannot_keep_is_taken_from_nobody():
    lock = Lock()
    lock.held = True

    def waits(worker: Worker) -> None:
        lock.take(worker)

    def frees(worker: Worker) -> None:
        lock.release()
        worker.point("freed")

    execution = Table(waits, frees, stepping(1)).run()
    handed_on = execution.decisions[1]
    assert (handed_on.able, handed_on.free) == ((1, 2), True)


def test_a_cycle_of_waits_ends_and_is_called_a_deadlock():
    locks = Lock(), Lock()

    def taking(first: Lock, second: Lock):
        def work(worker: Worker) -> None:
            first.take(worker)
            worker.point("between")
            second.take(worker)

        return work

    table = Table(taking(*locks), taking(*reversed(locks)), schedule=(0, 1))
    table.run()
    assert table.turn.given_up == DEADLOCK
    assert table.turn.waits == {0: "a thing", 1: "a thing"}
    assert sorted(table.errors) == [0, 1], "both unwind"
    assert table.turns.is_finished()


def test_the_victim_of_a_cycle_is_the_statement_and_not_the_commit():
    """SQLite refuses the UPDATE of a read-to-write upgrade; the COMMIT that it holds up lands."""
    reading = {0, 1}
    refused: list[int] = []

    def asking(others: set[int], last: bool) -> Callable[[Worker], None]:
        def work(worker: Worker) -> None:
            worker.point("SELECT")
            while reading & others:
                answer = worker.wait(lambda: not reading & others, until=5.0, last=last)
                if answer is Answer.GIVE_UP:
                    refused.append(worker.number)
                    break
            reading.discard(worker.number)

        return work

    updates, commits = asking({1}, last=False), asking({0}, last=True)
    for order in ((0, 1), (1, 1)):  # whichever of them came to its wait first
        reading.update((0, 1))
        refused.clear()
        table = Table(updates, commits, schedule=order)
        table.run()
        assert table.turns.is_finished()
        assert refused == [0], order


def test_before_anybody_is_made_the_victim_each_is_tried_once_more():
    """A reader lets go without a word: ``is_free`` has not changed, but the attempt succeeds."""
    attempts: list[str] = []

    def work(worker: Worker) -> None:
        assert worker.wait(lambda: False, until=0.0) is Answer.AGAIN, "tried again, not given up"
        attempts.append("again")

    table = Table(work, stepping(1))
    table.run()
    assert attempts == ["again"]
    assert table.turns.is_finished()


def test_alone_a_worker_gives_up_at_once():
    answers: list[Answer] = []

    def work(worker: Worker) -> None:
        answers.append(worker.wait(lambda: False, until=30.0))

    table = Table(work)
    table.run()
    assert answers == [Answer.GIVE_UP]
    assert table.turn.now == 30, "the clock of the turns, and not one that anybody had to watch"


def test_timeouts_come_in_their_order_and_only_when_nobody_can_go_on():
    log: list[str] = []

    def waiting(name: str, until: float) -> Callable[[Worker], None]:
        def work(worker: Worker) -> None:
            assert worker.wait(lambda: False, until=until) is Answer.AGAIN, "the others had begun"
            assert worker.wait(lambda: False, until=until) is Answer.GIVE_UP
            log.append(name)

        return work

    def working(worker: Worker) -> None:
        worker.point()
        log.append("worked")

    table = Table(waiting("late", 5.0), waiting("early", 1.0), working)
    table.run()
    assert log == ["worked", "early", "late"]
    assert table.turn.now == 5


def test_where_somebody_else_could_help_a_worker_waits_in_earnest():
    answers: list[Answer] = []

    def work(worker: Worker) -> None:
        answers.append(worker.wait(lambda: False, until=30.0))

    table = Table(work)
    table.turn.outsiders = lambda: True
    table.run()
    assert answers == [Answer.IN_EARNEST]
    assert table.turn.now == 0


def test_nobody_else_can_help_where_a_worker_holds_what_another_waits_for():
    locks, answers = (Lock(), Lock()), []

    def taking(first: Lock, second: Lock, until: float):
        def work(worker: Worker) -> None:
            first.take(worker)
            worker.point("between")
            answers.append(second.take(worker, until=until))
            first.release()

        return work

    table = Table(taking(*locks, 5.0), taking(*reversed(locks), 1.0), schedule=(0, 1))
    table.turn.outsiders = lambda: True
    stuck: list[tuple[set[int], int | None]] = []
    table.turn.on_stuck = lambda *seen: stuck.append(seen)
    table.run()
    assert stuck == [({0, 1}, 1)], "the one with the shorter timeout gives up"
    assert answers == [False, True]


def test_who_was_let_go_on_by_somebody_unknown_is_noticed_at_the_next_look():
    came: list[str] = []

    def waits(worker: Worker) -> None:
        assert worker.wait(lambda: bool(came)) is Answer.AGAIN

    def away(worker: Worker) -> None:
        outside = getcurrent().parent
        assert outside is not None
        outside.switch()

    table = Table(waits, away)
    table.start()
    table.go_on()
    assert table.turns.let_astray()
    came.append("it")
    assert not table.turns.let_astray()
    table.go_on()
    assert table.turn.states[0].done


def test_workers_that_poll_for_ever_are_given_up(monkeypatch):
    monkeypatch.setattr(turn, "MOST_STEPS", 50)

    def polls(worker: Worker) -> None:
        while True:
            worker.wait(lambda: False, until=worker.turns.turn.now + 0.1)

    def goes_on(worker: Worker) -> None:
        while True:
            worker.point()

    for work in (polls, goes_on):
        table = Table(work)
        table.run()
        assert table.turn.given_up == turn.ENDLESS


def test_who_waits_for_something_unknown_is_passed_over_and_counted():
    away: list[greenlet] = []

    def unknown(worker: Worker) -> None:
        away.append(getcurrent())
        back_to_the_test = getcurrent().parent
        assert back_to_the_test is not None
        back_to_the_test.switch()  # it has the turn, and no hook of the guard is told
        worker.point("back")

    table = Table(unknown, stepping(2))
    table.start()
    table.go_on()
    assert table.log == [0], "everybody waits for the one that is away"
    assert table.turns.let_astray()
    table.go_on()
    assert table.log == [0, 1, 1, 1], "the others have gone on"
    assert not table.turns.let_astray(), "nobody has the turn: nobody can lose it"
    away[0].switch()
    table.go_on()
    assert table.turns.is_finished()
    assert table.turn.execution().uncontrolled == 1
    assert table.turn.record.steps[-1] == Step(0, "back")


def test_giving_up_wakes_everybody_and_lets_nobody_go_on():
    table = Table(stepping(3), stepping(3), schedule=(0, 1))
    table.start()
    table.ready.pop(0).switch()
    table.turns.give_up(HANG)
    table.go_on()
    assert table.turns.is_finished()
    assert table.log.count(1) == 0
    assert sorted(table.errors) == [0, 1]
    table.turns.give_up(DEADLOCK)
    assert table.turn.given_up == HANG, "the first reason stays"


def test_who_loses_the_turn_is_told_before_the_next_one_runs():
    """The conductor walks to the user's line only there."""
    told: list[tuple[int, str, tuple[int, ...]]] = []
    table = Table(stepping(3), stepping(0), schedule=(0, 0, 1))
    table.turn.preempting = lambda number, name: told.append((number, name, tuple(table.log)))
    table.run()
    assert told == [(0, "step 1", (0, 0))]


def test_beyond_the_schedule_somebody_else_chooses():
    asked: list[tuple[int, tuple[int, ...], bool]] = []

    def beyond(segments, able, free):
        asked.append((len(segments), able, free))
        return 1

    table = Table(stepping(1), stepping(1), schedule=(0,), beyond=beyond)
    assert table.run().choices == (0, 1, 1)
    assert asked == [(1, (0, 1), False), (2, (1, 0), False)]


def test_a_segment_is_what_happens_from_one_point_to_the_next():
    def work(worker: Worker) -> None:
        worker.notes.read(worker.number, "before")
        worker.point()
        worker.notes.write(worker.number, "after")

    segments = Table(work, stepping(0)).run().segments
    assert [(each.worker, each.footprint) for each in segments] == [
        (0, Footprint(frozenset({"before"}))),
        (0, Footprint(writes=frozenset({"after"}))),
        (1, Footprint()),
    ]
    assert [(each.able, each.place, each.free) for each in segments] == [
        ((0, 1), 0, True), ((0, 1), 1, False), ((1,), None, True),
    ]  # fmt: skip


def test_an_attempt_that_failed_comes_again_with_all_it_touches():
    held = [1]

    def waits(worker: Worker) -> None:
        worker.notes.take(worker.number, "lock")
        assert worker.wait(lambda: not held, undone=True) is Answer.AGAIN

    def frees(worker: Worker) -> None:
        held.clear()

    segments = Table(waits, frees).run().segments
    lock = frozenset({"lock"})
    footprints = [(each.worker, each.footprint.takes, each.undone) for each in segments]
    assert footprints == [(0, lock, True), (1, frozenset(), False), (0, lock, False)]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_every_worker_runs_to_its_end(count):
    table = Table(*[stepping(2)] * count)
    table.run()
    assert sorted(table.log) == sorted([*range(count)] * 3)


def test_a_turn_that_was_given_out_since_is_not_taken_for_a_wait():
    fresh = Turns(2, (), lambda: FakeGate([]), nullcontext(), alike=False)
    fresh.begin()
    seen = fresh.turn.ticks
    fresh.leave(0)
    assert fresh.turn.holder == 1
    assert not fresh.let_astray(ticks=seen), "a decision has been made since that look"
    assert fresh.let_astray(ticks=fresh.turn.ticks)
    assert fresh.turn.astray == {1}

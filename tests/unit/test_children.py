"""What a worker starts beside itself takes turns too."""

from __future__ import annotations

from greenlet import getcurrent, greenlet

from pytest_sessionguard.schedule.strategy import Schedule, Step
from unit.turning import Table, Work, Worker, stepping


def starting(*children: Work, tables: list[Table]) -> Work:
    """Starts its children as threads are started, and joins one after the other."""

    def work(worker: Worker) -> None:
        table, turns = tables[0], worker.turns
        numbers = [turns.join(worker.number, waits=True) for _ in children]
        for number, child in zip(numbers, children, strict=True):
            begin(table, number, child)
        worker.point("started")
        for number in numbers:
            turns.hand_over(number, alone=True)
            let_others_run(table, number)
        worker.point("joined")

    return work


def begin(table: Table, number: int, child: Work) -> None:
    runner = greenlet(table._runner(number, child), parent=getcurrent().parent)
    table.ready.append(getcurrent())
    runner.switch()


def let_others_run(table: Table, number: int) -> None:
    for _ in range(100):
        if table.turn.states[number].done:
            return
        table.ready.append(getcurrent())
        me = getcurrent().parent
        assert me is not None
        me.switch()
    raise AssertionError("the child has not ended")


def run(*works: Work, tables: list[Table], schedule: Schedule = ()) -> list[Step]:
    table = Table(*works, schedule=schedule)
    tables.append(table)
    execution = table.run()
    assert table.turns.is_finished()
    assert table.errors == {}
    return list(execution.steps)


def test_by_default_children_run_when_they_are_joined():
    tables: list[Table] = []
    steps = run(starting(stepping(1), stepping(1), tables=tables), tables=tables)
    assert steps == [
        Step(0, "started"),
        Step(0, "child 1: step 0"),
        Step(0, "child 2: step 0"),
        Step(0, "joined"),
    ]


def test_a_schedule_may_let_a_child_go_first_or_switch_between_two():
    tables: list[Table] = []
    steps = run(starting(stepping(2), stepping(1), tables=tables), tables=tables, schedule=(1, 2))
    names = [step.name for step in steps]
    assert names.index("child 2: step 0") < names.index("child 1: step 1")
    assert names.index("child 1: step 0") < names.index("child 2: step 0")
    assert names[-1] == "joined"


def test_another_worker_may_go_on_between_two_children():
    tables: list[Table] = []
    steps = run(
        starting(stepping(1), tables=tables), stepping(1), tables=tables, schedule=(0, 0, 1)
    )
    assert {step.worker for step in steps} == {0, 1}
    assert steps[-1] == Step(0, "joined")


def test_the_turn_goes_to_a_sibling_before_it_goes_to_another_worker():
    tables: list[Table] = []
    steps = run(starting(stepping(1), stepping(1), tables=tables), stepping(1), tables=tables)
    assert [step.worker for step in steps] == [0, 0, 0, 0, 1]


def test_a_child_that_is_left_behind_runs_to_its_end():
    tables: list[Table] = []

    def leaves(worker: Worker) -> None:
        number = worker.turns.join(worker.number, waits=True)
        begin(tables[0], number, stepping(2))

    steps = run(leaves, tables=tables)
    assert [step.name for step in steps] == ["child 1: step 0", "child 1: step 1"]


def test_a_child_that_waits_for_ever_is_left_alone():
    tables: list[Table] = []

    def waits(worker: Worker) -> None:
        worker.wait(lambda: False)

    def leaves(worker: Worker) -> None:
        begin(tables[0], worker.turns.join(worker.number, waits=True), waits)

    table = Table(leaves)
    tables.append(table)
    table.run()
    assert table.turns.is_finished()
    assert table.turn.given_up is None


def test_children_are_named_by_their_order_in_their_parent():
    turns = Table(stepping(0), stepping(0)).turns
    numbers = [turns.join(1), turns.join(0), turns.join(1)]
    inner = turns.join(numbers[0])
    labels = [turns.turn.states[number].label for number in (*numbers, inner)]
    assert labels == ["child 1", "child 1", "child 2", "child 1.1"]
    assert [turns.turn.states[number].root for number in (*numbers, inner)] == [1, 0, 1, 1]

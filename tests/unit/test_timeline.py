from __future__ import annotations

from pytest_sessionguard.reports.timeline import MOST, WIDTH, Row, lines


def test_one_line_a_step_and_one_column_a_worker():
    rows = [Row(0, "get", "app.py:3"), Row(1, "UPDATE", "app.py:9"), Row(0, "COMMIT", "")]

    told = list(lines(rows, 2))

    column = told[0].index("worker 1")
    assert told[0].startswith("worker 0")
    assert told[1].startswith("get ")
    assert told[1].endswith(" app.py:3")
    assert len(told[1]) <= column, "a step stays in its worker's column"
    assert told[2][:column].isspace()
    assert told[2][column:].startswith("UPDATE ")
    assert told[3] == "COMMIT"
    assert max(map(len, told)) <= WIDTH


def test_a_long_place_loses_its_beginning_and_never_the_step():
    told = list(lines([Row(0, "UPDATE", "a/very/long/way/to/the/one/that/matters/shop.py:31")], 4))

    assert told[1].startswith("UPDATE ")
    assert told[1].endswith("shop.py:31")
    assert len(told[1]) <= len("worker 0".ljust(24))


def test_a_long_order_is_cut_in_its_middle():
    rows = [Row(number % 2, f"step {number}", "") for number in range(MOST + 40)]

    told = [line.strip() for line in lines(rows, 2)]

    assert len(told) == 1 + MOST + 1
    assert told[1] == "step 0"
    assert told[-1] == f"step {MOST + 39}"
    assert told.count("...") == 1

"""Where each worker stands, and each strand that a worker has started beside its own."""

from __future__ import annotations

from typing import Protocol

from pytest_sessionguard.schedule.waiting import Answer, Wait


class Gate(Protocol):
    """Where one strand of a worker waits for its turn; opened once."""

    def open(self) -> None:
        """Let the strand go on."""

    def wait(self) -> None:
        """Wait until it is opened."""


class State:
    """Where one worker stands, or a child of it.

    ``gates`` are those at which its strands wait for the turn; ``tried`` is the number of steps
    that had been taken when it last tried what it waits for. ``ran_out``: its wait ended by its
    timeout, and it has let nobody else go on since. ``abroad``: it waits in a driver for what its
    server will give, and not at a gate.

    Of a child: ``root`` is the number of its worker, ``label`` its place among the worker's
    children (``"child 1.2"``), ``lender`` who waits for it and gave it the turn meanwhile,
    ``alone`` if for no other child; ``line`` names it, since its number hangs on the schedule.
    """

    __slots__ = (
        "abroad", "alone", "answer", "children", "done", "gates", "label", "lender", "line", "number",
        "ran_out", "root", "started", "tried", "wait",
    )  # fmt: skip

    def __init__(self, number: int, parent: State | None = None) -> None:
        self.number = number
        self.root: int = number if parent is None else parent.root
        self.label = "" if parent is None else parent.next_label()
        self.line = "" if parent is None else f"{self.root} {self.label}"
        self.children = 0
        self.lender: int | None = None
        self.alone = False
        self.started = False
        self.done = False
        self.wait: Wait | None = None
        self.answer = Answer.AGAIN
        self.ran_out = False
        self.abroad = False
        self.tried = 0
        self.gates: list[Gate] = []

    @property
    def is_child(self) -> bool:
        """Whether a worker has started it."""
        return self.root != self.number

    def can_go_on(self) -> bool:
        """Whether it is not done, and what it waits for is free."""
        return not self.done and (self.wait is None or self.wait.is_free())

    def begin_wait(self, wait: Wait, steps: int) -> None:
        """It has tried in vain, when ``steps`` had been taken."""
        self.wait, self.answer, self.tried = wait, Answer.AGAIN, steps

    def next_label(self) -> str:
        """The label of its next child: by the order in which its children come, not by the schedule."""
        self.children += 1
        return f"{self.label}.{self.children}" if self.label else f"child {self.children}"

    def named(self, step: str) -> str:
        """The name of a step that it takes."""
        return f"{self.label}: {step}" if self.label else step

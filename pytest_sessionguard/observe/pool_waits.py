"""A worker that waits for a connection of its pool lets others go on, and is not kept for 30 seconds.

Placed for the concurrent part of a test only. When nobody can go on the pool is told that its queue
is empty, and raises what it would raise when its time is over.
"""

from __future__ import annotations

import gc
import sys
from typing import Any

from pytest_sessionguard.observe import sqla
from pytest_sessionguard.observe.blocking import Held, Wanted
from pytest_sessionguard.observe.connections import held
from pytest_sessionguard.observe.hooks import Hooks
from pytest_sessionguard.observe.recorder import Recorder, Scheduler
from pytest_sessionguard.observe.slots import Slots
from pytest_sessionguard.schedule.waiting import Answer


def install(recorder: Recorder, hooks: Hooks, slots: Slots) -> None:
    """Wrap the queue in which pools keep their connections."""

    def wrap(original: Any) -> Any:
        def get(self: Any, block: bool = True, timeout: float | None = None) -> Any:
            scheduler = recorder.scheduler
            if block and scheduler is not None:
                pool = sqla.pool_asking(sys._getframe(1))
                if pool is not None:
                    recorder.shielded(slots.asked, pool)
                    block = _may_block(pool, scheduler)
            return original(self, block, timeout)

        return get

    for queue in sqla.waiting_queues():
        hooks.wrap(queue, "get", wrap)


def _holders(pool: Any) -> list[Held] | None:
    """Who has its connections; asked when nobody can go on.

    The collector is off while workers take turns: what it would have given back does not count.
    """
    gc.collect()
    return held(pool)


def _may_block(pool: Any, scheduler: Scheduler) -> bool:
    """Wait until the pool has a connection; False when it is to say that it has none."""
    limit = sqla.pool_limit(pool)
    wanted = Wanted(
        "pool", f"a connection of the {type(pool).__name__} of {limit}",
        lambda: sqla.can_give(pool), lambda: _holders(pool), sqla.patience(pool),
    )  # fmt: skip
    while not sqla.can_give(pool):
        answer = scheduler.wait(wanted)
        if answer is not Answer.AGAIN:
            return answer is Answer.IN_EARNEST
    return False

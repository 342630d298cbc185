"""A child task uses the parent's AsyncSession; the parent goes on when it is over.

Suspicious: two tasks, one AsyncSession, one open transaction. Where the task has
already finished, `await` and `gather` return without any wake-up, so no callback of
the loop orders the two. One child is even cancelled.
Right: a finished task touches nothing any more, and the parent looked only then.
"""

import asyncio
from contextlib import suppress

import pytest
from app import count, write


async def finished(coroutine):
    """The task, known to be over, although nobody has awaited it."""
    over = asyncio.Event()
    task = asyncio.create_task(coroutine)
    task.add_done_callback(lambda task: over.set())
    await over.wait()
    return task


async def test_await_finished_task(session):
    await write(session, "parent")
    task = await finished(write(session, "child"))
    await task
    assert await count(session) == 2


async def test_gather_finished_tasks(session):
    first = await finished(write(session, "first"))
    second = await finished(write(session, "second"))
    await asyncio.gather(first, second)
    assert await count(session) == 2


@pytest.mark.parametrize(
    "wait",
    [
        lambda task: asyncio.wait({task}),
        lambda task: asyncio.wait({task}, return_when=asyncio.FIRST_COMPLETED),
        lambda task: asyncio.wait_for(task, 5),
        lambda task: asyncio.shield(task),
        lambda task: next(iter(asyncio.as_completed([task]))),
    ],
    ids=["wait", "first_completed", "wait_for", "shield", "as_completed"],
)
async def test_other_ways_to_wait(session, wait):
    await wait(asyncio.create_task(write(session, "running")))
    await wait(await finished(write(session, "over")))
    assert await count(session) == 2


async def test_cancelled_child(session):
    wrote = asyncio.Event()

    async def child():
        await write(session, "child")
        wrote.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(child())
    await wrote.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await session.rollback()
    assert await count(session) == 0

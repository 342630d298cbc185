"""Tasks under way at once share one AsyncSession behind an asynchronous lock.

Suspicious: `gather` over one AsyncSession, the best known mistake of all; the tasks
interleave at each await and nothing orders them.
Right: each task holds the lock from its first to its last use of the session, and the
count that it hands out is a plain number. Done with asyncio.Lock, Semaphore(1),
Condition, anyio.Lock and a CapacityLimiter of one.
"""

import asyncio

import anyio
import pytest
from app import count, write


@pytest.mark.parametrize(
    "make_lock",
    [
        asyncio.Lock,
        asyncio.Semaphore,
        asyncio.Condition,
        anyio.Lock,
        lambda: anyio.CapacityLimiter(1),
    ],
    ids=["lock", "semaphore", "condition", "anyio", "limiter"],
)
async def test_gather_under_a_lock(session, make_lock):
    lock = make_lock()

    async def step(text):
        await asyncio.sleep(0)
        async with lock:
            await write(session, text)
            await session.commit()
            return await count(session)

    assert sorted(await asyncio.gather(*map(step, "abcd"))) == [1, 2, 3, 4]


async def test_timeout_inside_the_lock(session):
    lock = asyncio.Lock()

    async def impatient():
        async with lock:
            await write(session, "given up")
            try:
                await asyncio.wait_for(asyncio.Event().wait(), 0.02)
            except TimeoutError:
                await session.rollback()

    async def patient():
        async with lock:
            await write(session, "kept")
            await session.commit()

    await asyncio.gather(impatient(), patient())
    async with lock:
        assert await count(session) == 1

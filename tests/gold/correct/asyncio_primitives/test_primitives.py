"""AsyncSession handed over by Queue, Event, Condition, Semaphore, Barrier and Future.

Suspicious: the giving task stays alive in all of them; where the item is already there
or the event already set, `get()` and `wait()` return at once without suspending, so no
wake-up is there to order the two tasks.
Right: the giver does not touch the session after the hand-over, and on one loop what a
task did before it set, put or released has happened when another sees it.
"""

import asyncio
from contextlib import asynccontextmanager

import pytest
from app import count, write


@asynccontextmanager
async def giver(session, give, *, first):
    """A task that writes, gives and stays. `first`: it has given before we go on."""
    leave, given = asyncio.Event(), []

    async def work():
        await write(session, "giver")
        await give()
        given.append(True)
        await leave.wait()

    task = asyncio.create_task(work())
    while first and not given:
        await asyncio.sleep(0.001)
    yield
    leave.set()
    await task


@pytest.fixture(params=[True, False], ids=["already_there", "waits"])
def first(request):
    return request.param


async def test_queue(session, first):
    queue = asyncio.Queue()
    async with giver(session, lambda: queue.put(session), first=first):
        assert await count(await queue.get()) == 1


async def test_event(session, first):
    event = asyncio.Event()

    async def give():
        event.set()

    async with giver(session, give, first=first):
        await event.wait()
        assert await count(session) == 1


async def test_condition(session, first):
    condition, ready = asyncio.Condition(), []

    async def give():
        async with condition:
            ready.append(session)
            condition.notify()

    async with giver(session, give, first=first):
        async with condition:
            await condition.wait_for(lambda: ready)
        assert await count(session) == 1


async def test_semaphore(session, first):
    baton = asyncio.Semaphore(0)

    async def give():
        baton.release()

    async with giver(session, give, first=first):
        await baton.acquire()
        assert await count(session) == 1


async def test_barrier(session):
    barrier = asyncio.Barrier(2)
    async with giver(session, barrier.wait, first=False):
        await barrier.wait()
        assert await count(session) == 1


async def test_future(session, first):
    future = asyncio.get_running_loop().create_future()

    async def give():
        future.set_result(session)

    async with giver(session, give, first=first):
        assert await count(await future) == 1

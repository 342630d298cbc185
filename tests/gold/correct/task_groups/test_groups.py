"""Children of a TaskGroup (asyncio and anyio) use the AsyncSession of the block.

Suspicious: several tasks of one group use one AsyncSession, and the body of the block
uses it too while the group is still open.
Right: there is only one user at a time: the body waits for the child's signal, each
child waits for the one before it, and after the block no child is left.
"""

import asyncio

import anyio
from app import count, write


async def test_used_after_the_block(session):
    async with asyncio.TaskGroup() as group:
        group.create_task(write(session, "child"))
    assert await count(session) == 1


async def test_used_in_the_block_after_the_child(session):
    async with asyncio.TaskGroup() as group:
        child = group.create_task(write(session, "child"))
        await child
        assert await count(session) == 1
        leave = asyncio.Event()
        wrote = asyncio.Event()

        async def lingering():
            await write(session, "lingering")
            wrote.set()
            await leave.wait()

        group.create_task(lingering())
        await wrote.wait()
        assert await count(session) == 2
        leave.set()


async def test_children_in_a_chain(session):
    async def link(before, number):
        if before is not None:
            await before
        await write(session, f"link {number}")

    async with asyncio.TaskGroup() as group:
        last = None
        for number in range(3):
            last = group.create_task(link(last, number))
    assert await count(session) == 3


async def test_anyio_started(session):
    async def child(*, task_status):
        await write(session, "child")
        task_status.started(session)
        await anyio.sleep_forever()

    async with anyio.create_task_group() as group:
        given = await group.start(child)
        assert await count(given) == 1
        group.cancel_scope.cancel()
    assert await count(session) == 1

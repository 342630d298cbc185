"""A Session crosses between the event loop and threads, in both directions.

Suspicious: the loop's thread and pool threads use one Session in one transaction; a
coroutine that a thread sent to the loop uses it while that thread lives.
Right: the one side always awaits (or blocks on the result of) the other before it goes
on, so the hops are in order.
"""

import asyncio
from threading import Thread

import anyio
from app import count, write


async def test_to_thread(session):
    write(session, "loop")
    await asyncio.to_thread(write, session, "thread")
    assert count(session) == 2


async def test_run_in_executor(session):
    loop = asyncio.get_running_loop()
    for expected in (1, 2, 3):
        await loop.run_in_executor(None, write, session, "pool")
        assert count(session) == expected


async def test_anyio_there_and_back(session):
    async def on_the_loop():
        write(session, "loop")

    def in_thread():
        write(session, "thread")
        anyio.from_thread.run(on_the_loop)
        return count(session)

    assert await anyio.to_thread.run_sync(in_thread) == 2
    assert count(session) == 2


async def test_call_soon_threadsafe(session):
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def in_thread():
        write(session, "thread")
        loop.call_soon_threadsafe(done.set)

    thread = Thread(target=in_thread)
    thread.start()
    await done.wait()
    assert count(session) == 1
    thread.join()


def test_main_thread_talks_to_a_loop_in_a_thread(session):
    async def on_the_loop():
        write(session, "loop")
        return count(session)

    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    for expected in (2, 4):
        write(session, "main")
        call = asyncio.run_coroutine_threadsafe(on_the_loop(), loop)
        assert call.result(5) == expected
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()

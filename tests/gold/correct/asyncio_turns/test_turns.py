"""Callbacks in turn, a loop that is run several times, eager tasks.

Suspicious: several callbacks of one future share a Session and nobody waits for any of them; a
task that lives on from one `run_until_complete` to the next shares one with the code between
and with the next; an eager task begins to run inside its maker.
Right: a loop runs what was queued in the order of queueing; while it stands still none of its
tasks runs; the maker of an eager task goes on when that waits or has ended.
"""

import asyncio
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from app import count, write


async def test_callbacks_of_a_future(session):
    future, done = asyncio.get_running_loop().create_future(), asyncio.Event()
    future.add_done_callback(lambda _: write(session, "first"))
    future.add_done_callback(lambda _: write(session, "second"))
    future.add_done_callback(lambda _: done.set())
    future.set_result(None)
    await done.wait()
    assert count(session) == 2


async def test_callbacks_of_a_task(session):
    async def work():
        write(session, "task")

    task = asyncio.create_task(work())
    task.add_done_callback(lambda _: write(session, "first"))
    task.add_done_callback(lambda _: write(session, "second"))
    await task
    assert count(session) == 3


async def test_call_soon(session):
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    loop.call_soon(write, session, "first")
    loop.call_soon(write, session, "second")
    loop.call_soon(done.set)
    await done.wait()
    assert count(session) == 2


def test_callbacks_of_a_thread_s_future(session):
    future = Future()
    future.add_done_callback(lambda _: write(session, "first"))
    future.add_done_callback(lambda _: write(session, "second"))
    thread = threading.Thread(target=future.set_result, args=(None,))
    thread.start()
    thread.join()
    future.add_done_callback(lambda _: write(session, "third"))
    assert count(session) == 3


def test_callbacks_of_a_job(session):
    with ThreadPoolExecutor(2) as pool:
        job = pool.submit(write, session, "job")
        job.add_done_callback(lambda _: write(session, "first"))
        job.add_done_callback(lambda _: write(session, "second"))
    assert count(session) == 3


@pytest.fixture
def loop():
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def test_a_task_that_lives_on(session, loop):
    stop = []

    async def background():
        write(session, "begun")
        while not stop:
            await asyncio.sleep(0.001)
        write(session, "stopped")

    async def start():
        task = asyncio.create_task(background())
        await asyncio.sleep(0.01)
        return task

    async def use():
        write(session, "next run")

    task = loop.run_until_complete(start())
    write(session, "between")
    loop.run_until_complete(use())
    stop.append(True)
    loop.run_until_complete(task)
    assert count(session) == 4


def test_callbacks_that_run_later(session, loop):
    async def start():
        loop.call_soon(write, session, "soon")
        loop.call_later(0.01, write, session, "later")

    loop.run_until_complete(start())
    loop.run_until_complete(asyncio.sleep(0.03))
    assert count(session) == 2


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks are new in 3.12")
def test_eager_tasks(session, make_session):
    async def at_once(text):
        write(session, text)

    async def in_two_steps(text):
        write(session, text)
        await asyncio.sleep(0.001)
        write(session, text)

    async def with_its_own():
        with make_session() as own:
            await asyncio.sleep(0.001)
            return count(own)

    async def main():
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        asyncio.create_task(at_once("eager"))
        write(session, "maker")
        await asyncio.create_task(in_two_steps("awaited"))
        async with asyncio.TaskGroup() as group:
            group.create_task(in_two_steps("grouped"))
        session.commit()
        return await asyncio.gather(*(with_its_own() for _ in range(3)))

    assert asyncio.run(main()) == [6, 6, 6]

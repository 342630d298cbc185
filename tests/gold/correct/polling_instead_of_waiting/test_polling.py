"""The other side is polled (`is_alive`, `done`, `is_set`, `empty`) and never waited for.

Suspicious: there is no join, no result, no wait, no await of the worker, so a detector
that looks at blocking calls only sees two unordered users of one Session.
Right: a positive answer means that the work is over (or was handed over), and the
worker does not touch the Session after that. Slow style, but ordered.
"""

import asyncio
import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from app import count, write


def until(condition):
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_thread_is_alive(session):
    thread = threading.Thread(target=write, args=(session, "thread"))
    thread.start()
    until(lambda: not thread.is_alive())
    assert count(session) == 1


def test_future_done(session):
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(write, session, "job")
        until(job.done)
        assert count(session) == 1


def test_event_is_set(session):
    ready = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: (write(session, "job"), ready.set()))
        until(ready.is_set)
        assert count(session) == 1


def test_get_nowait(session):
    box, found = queue.Queue(), []

    def look():
        try:
            found.append(box.get_nowait())
        except queue.Empty:
            return False
        return True

    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: (write(session, "job"), box.put(session)))
        until(look)
        assert count(found[0]) == 1


async def test_task_done(session):
    async def work():
        await asyncio.to_thread(write, session, "task")

    task = asyncio.create_task(work())
    while not task.done():
        await asyncio.sleep(0.001)
    assert count(session) == 1

"""Hand-overs by anyio's streams, locks and semaphores, by janus, and by a ThreadPool's `imap`.

Suspicious: one Session goes from task to task or to a thread and back while all of them live on,
and what is handed over lies ready, so nobody waits for anybody.
Right: who received it has it alone; the giver does not touch it again.
"""

import asyncio
import threading
from contextlib import asynccontextmanager
from multiprocessing.pool import ThreadPool

import anyio
import pytest
from app import count, write


@asynccontextmanager
async def lingering_task(work, *arguments):
    """A task that has done its work when the block begins, and lives until it ends."""
    done, leave = [], asyncio.Event()

    async def run():
        await work(*arguments)
        done.append(work)  # which tells nobody, so that nothing but the work's own signal orders it
        await leave.wait()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        while not done:
            await anyio.sleep(0)
        yield
        leave.set()


def test_stream(session):
    async def main():
        sending, receiving = anyio.create_memory_object_stream(5)

        async def give():
            write(session, "other")
            await sending.send(session)

        async with lingering_task(give):
            assert count(await receiving.receive()) == 1
        async with lingering_task(give):
            assert count(receiving.receive_nowait()) == 2

    anyio.run(main)


def test_stream_without_a_buffer(make_session):
    async def main():
        sending, receiving = anyio.create_memory_object_stream(0)

        async def give():
            for number in range(3):
                session = make_session()
                write(session, f"{number}")
                session.commit()
                await sending.send(session)

        taken = []
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(give)
            for _ in range(3):
                await anyio.sleep(0.002)
                with await receiving.receive() as session:
                    taken.append(count(session))
        assert len(taken) == 3

    anyio.run(main)


def test_lock(session):
    async def main():
        lock = anyio.Lock()

        async def work():
            for _ in range(2):
                async with lock:
                    write(session, "first step")
                    await anyio.sleep(0)
                    write(session, "second step")

        async with lingering_task(work), lingering_task(work):
            lock.acquire_nowait()
            assert count(session) == 8
            lock.release()

    anyio.run(main)


def test_semaphore(session):
    async def main():
        baton = anyio.Semaphore(0)

        async def work():
            write(session, "other")
            baton.release()

        async with lingering_task(work):
            await baton.acquire()
            assert count(session) == 1

    anyio.run(main)


def test_condition(session):
    async def main():
        changed, written = anyio.Condition(), []

        async def work():
            async with changed:
                write(session, "other")
                written.append(True)
                changed.notify()

        async with lingering_task(work):
            async with changed:
                while not written:
                    await changed.wait()
            assert count(session) == 1

    anyio.run(main)


def test_janus(session):
    janus = pytest.importorskip("janus")

    async def main():
        there, back, leave = janus.Queue(), janus.Queue(), threading.Event()

        def work():
            taken = there.sync_q.get(timeout=5)
            write(taken, "thread")
            back.sync_q.put(taken)
            leave.wait(5)

        thread = threading.Thread(target=work)
        thread.start()
        write(session, "task")
        await there.async_q.put(session)
        await asyncio.sleep(0.02)
        assert count(await back.async_q.get()) == 2
        leave.set()
        thread.join()
        for queue in (there, back):
            queue.close()
            await queue.wait_closed()

    asyncio.run(main())


@pytest.mark.parametrize("name", ["imap", "imap_unordered"])
@pytest.mark.parametrize("size", [1, 2])
def test_results_of_a_thread_pool(make_session, name, size):
    sessions = [make_session() for _ in range(4)]

    def work(session):
        write(session, "job")
        session.rollback()
        return session

    with ThreadPool(2) as pool:
        for session in getattr(pool, name)(work, sessions, size):
            assert count(session) == 0
            session.close()

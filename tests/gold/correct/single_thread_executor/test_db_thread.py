"""A one-thread executor owns the Session; jobs are sent without waiting for each other.

Suspicious: many jobs, from many threads and tasks, share one module-wide Session with
no lock; nobody waits for one job before sending the next, so neither futures nor
awaits order them.
Right: the executor has exactly one thread, which runs the jobs one after the other.
That thread is the only one that ever touches the Session: it makes it, uses it,
closes it.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from app import count, write


class Database:
    def __init__(self, make_session):
        self.thread = ThreadPoolExecutor(max_workers=1)
        self.session = self.thread.submit(make_session).result()

    def send(self, function, *arguments):
        return self.thread.submit(function, self.session, *arguments)

    def close(self):
        self.thread.submit(self.session.close).result()
        self.thread.shutdown()


@pytest.fixture
def database(make_session):
    database = Database(make_session)
    yield database
    database.close()


def test_threads_send_jobs(database):
    with ThreadPoolExecutor(3) as clients:
        list(clients.map(lambda n: database.send(write, f"client {n}"), range(6)))
    assert database.send(count).result(5) == 6


async def test_tasks_send_jobs(database):
    loop = asyncio.get_running_loop()

    async def client(number):
        await loop.run_in_executor(database.thread, write, database.session, f"task {number}")

    await asyncio.gather(*(client(number) for number in range(6)))
    assert await asyncio.wrap_future(database.send(count)) == 6

"""A synchronous program drives one AsyncSession through several `Runner.run()` calls.

Suspicious: each `run()` is another main task and another run of the loop, so the
AsyncSession is used by six tasks, none of which ever waits for another, and it lies
idle, with a transaction open, while no loop is running.
Right: `run()` returns only when its task has ended; the loop is the same throughout.
"""

import asyncio

import pytest
from app import Base, count, write
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine


class Shell:
    """What an interactive command line does with an async code base."""

    def __init__(self, runner, url):
        self.run = runner.run
        self.engine = create_async_engine(url)
        self.session = AsyncSession(self.engine)
        self.run(self._create())

    async def _create(self):
        async with self.engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)

    def add(self, text):
        self.run(write(self.session, text))

    def count(self):
        return self.run(count(self.session))

    def save(self):
        self.run(self.session.commit())

    def close(self):
        self.run(self.session.close())
        self.run(self.engine.dispose())


@pytest.fixture
def shell(tmp_path):
    with asyncio.Runner() as runner:
        shell = Shell(runner, f"sqlite+aiosqlite:///{tmp_path / 'shell.db'}")
        yield shell
        shell.close()


def test_commands(shell):
    shell.add("one")
    shell.add("two")
    assert shell.count() == 2
    shell.save()
    shell.add("three")
    assert shell.count() == 3

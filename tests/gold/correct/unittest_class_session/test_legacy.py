"""unittest classes with a Session made in `setUpClass` or `asyncSetUp`.

Suspicious: no pytest fixture makes the Session, it is an attribute of the class, so
shared by all its tests, and it is closed in `tearDownClass`, outside any test; in the
asynchronous class set-up, test and clean-up are separate runs of the loop.
Right: the tests of a class run one after the other; IsolatedAsyncioTestCase uses one
loop for the three steps.
"""

import unittest

from app import Base, Line, count, write
from sqlalchemy import StaticPool, create_engine, select
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session


class LineTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.engine = create_engine("sqlite://", poolclass=StaticPool)
        Base.metadata.create_all(cls.engine)
        cls.session = Session(cls.engine)

    @classmethod
    def tearDownClass(cls):
        cls.session.close()
        cls.engine.dispose()

    def tearDown(self):
        self.session.rollback()

    def test_write(self):
        write(self.session, "one")
        self.assertEqual(count(self.session), 1)

    def test_write_again(self):
        write(self.session, "two")
        self.assertEqual(self.session.scalars(select(Line.text)).all(), ["two"])


class AsyncLineTests(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.engine = create_async_engine("sqlite+aiosqlite://", poolclass=StaticPool)
        async with self.engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        self.session = AsyncSession(self.engine)
        self.addAsyncCleanup(self.engine.dispose)
        self.addAsyncCleanup(self.session.close)

    async def test_run_sync(self):
        await self.session.run_sync(write, "three")
        self.assertEqual(await self.session.run_sync(count), 1)

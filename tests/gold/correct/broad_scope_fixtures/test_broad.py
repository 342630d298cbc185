"""One Session for a whole class of tests, one AsyncSession for the whole run.

Suspicious: a Session outlives the test that made it, and later tests find its
instances; with `loop_scope="session"` one AsyncSession is used by the tasks of several
tests and of the fixture, none of which waits for another.
Right: pytest runs fixtures and tests strictly one after the other, the AsyncSession
stays on its one loop, and each test rolls back.
"""

import pytest
from app import Line, count, write


class TestOneSessionForTheClass:
    def test_change(self, session, kept):
        kept.text = "changed"
        session.flush()
        session.rollback()

    def test_instance_of_the_fixture_is_still_attached(self, session, kept):
        assert kept in session and kept.text == "kept"
        session.rollback()

    def test_delete(self, session, kept):
        session.delete(kept)
        session.flush()
        assert session.query(Line).count() == 0
        session.rollback()
        assert kept.text == "kept"
        session.rollback()


@pytest.mark.asyncio(loop_scope="session")
class TestOneAsyncSessionForTheRun:
    async def test_first(self, async_session):
        await write(async_session, "first")
        assert await count(async_session) == 1
        await async_session.rollback()

    async def test_second(self, async_session):
        assert await count(async_session) == 0
        await write(async_session, "second")
        await async_session.rollback()


@pytest.mark.asyncio(loop_scope="session")
async def test_function_uses_it_too(async_session):
    assert await count(async_session) == 0
    await async_session.rollback()

"""`async_scoped_session` by `current_task`, and `gather` with a session for each task.

Suspicious: a registry that every task uses by one name; children of one parent under
way at once; instances that come back from a closed session of another task.
Right: the key is the task, each child removes its own session before it ends, and the
parent only reads attributes that were loaded (`expire_on_commit=False`).
"""

import asyncio

import pytest
from app import Line
from sqlalchemy import select
from sqlalchemy.ext.asyncio import async_scoped_session


@pytest.fixture
def scope(make_session):
    return async_scoped_session(make_session, scopefunc=asyncio.current_task)


async def store(scope, text):
    try:
        line = Line(text=text)
        scope.add(line)
        await scope.commit()
        return line, scope()
    finally:
        await scope.remove()


async def test_each_task_has_its_own(scope):
    results = await asyncio.gather(*(store(scope, text) for text in "abc"))
    assert sorted(line.text for line, _ in results) == list("abc")
    assert len({id(session) for _, session in results}) == 3
    assert not scope.registry.registry


async def test_parent_has_one_too(scope):
    scope.add(Line(text="parent"))
    await scope.commit()
    await asyncio.create_task(store(scope, "child"))
    texts = await scope.scalars(select(Line.text).order_by(Line.id))
    assert texts.all() == ["parent", "child"]
    await scope.remove()


async def test_gather_with_a_session_each(make_session):
    async def fetch(text):
        async with make_session.begin() as session:
            session.add(Line(text=text))
        async with make_session() as session:
            return await session.scalar(select(Line).where(Line.text == text))

    lines = await asyncio.gather(*map(fetch, "xyz"))
    assert [line.text for line in lines] == list("xyz")

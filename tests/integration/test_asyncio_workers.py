"""Workers that are tasks of the test's own loop: async tests, AsyncSession, httpx.AsyncClient."""

from __future__ import annotations

import pytest

MODEL = """
import asyncio

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Stock(Base):
    __tablename__ = "stock"
    id: Mapped[int] = mapped_column(primary_key=True)
    left: Mapped[int]


async def fill(engine):
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with AsyncSession(engine) as session:
        session.add(Stock(id=1, left=10))
        await session.commit()
    return engine


async def left(engine):
    async with AsyncSession(engine) as session:
        return (await session.get(Stock, 1)).left
"""
URLS = """

@pytest.fixture(params=["sqlite+aiosqlite://", "sqlite+aiosqlite:///{}/stock.db"], ids=["memory", "file"])
def engine(request, tmp_path):
    return create_async_engine(request.param.format(tmp_path))
"""
BROKEN = """

async def test_lost_update(engine, concurrently):
    await fill(engine)

    async def buy():
        async with AsyncSession(engine) as session:
            stock = await session.get(Stock, 1)
            stock.left -= 1
            await session.commit()

    await concurrently(buy, workers=2)
    assert await left(engine) == 8
    await engine.dispose()


async def test_shared(engine, concurrently):
    await fill(engine)
    session = AsyncSession(engine)

    async def looks():
        await session.get(Stock, 1)

    await concurrently(looks, workers=2)
    await session.close()
    await engine.dispose()
"""
CORRECT = """

@pytest.mark.parametrize("workers", [2, 3])
async def test_atomic_update(engine, concurrently, workers):
    await fill(engine)

    async def buy():
        async with AsyncSession(engine) as session:
            await session.execute(update(Stock).values(left=Stock.left - 1))
            await session.commit()

    await concurrently(buy, workers=workers)
    assert await left(engine) == 10 - workers
    await engine.dispose()


async def test_a_number_and_results(engine, concurrently):
    await fill(engine)

    async def number(which):
        return which, await left(engine)

    assert await concurrently(number, workers=2) == [(0, 10), (1, 10)]
    assert await concurrently(lambda: left(engine), workers=2) == [10, 10]
    await engine.dispose()


async def test_lock(engine, concurrently):
    await fill(engine)
    lock = asyncio.Lock()
    session = AsyncSession(engine)

    async def buy():
        async with lock:
            stock = await session.get(Stock, 1)
            stock.left -= 1
            await session.commit()

    await concurrently(buy, workers=2)
    assert await left(engine) == 8
    await session.close()
    await engine.dispose()
"""
PLUGINS = {
    "strict": ("asyncio", "\npytestmark = pytest.mark.asyncio\n"),
    "anyio": (
        "anyio",
        """
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"

""",
    ),
}


@pytest.mark.parametrize("plugin", PLUGINS)
def test_bugs_of_async_tests_are_made_to_happen(suite, plugin):
    needed, text = PLUGINS[plugin]
    suite.write(test_it=MODEL + text + URLS + BROKEN)
    ran = suite.guard("-W", "ignore", plugins=(needed,))
    ran.outcomes(failed=4)
    assert sorted(ran.codes) == ["SG101", "SG901"], ran.text
    searches = ran.report["searches"]
    assert {search["backend"] for search in searches} == {"asyncio"}
    assert all(search["first_finding"] <= 10 for search in searches)


def test_correct_async_tests_pass_in_every_order(suite):
    suite.ini("asyncio_mode = auto", "asyncio_default_fixture_loop_scope = function")
    suite.write(test_it=MODEL + URLS + CORRECT)
    ran = suite.guard("--sessionguard-schedules=60", plugins=("asyncio",))
    ran.outcomes(passed=8)
    assert ran.codes == []


APP = (
    MODEL
    + """
import httpx
from fastapi import Depends, FastAPI

engine = create_async_engine("sqlite+aiosqlite://")
Session = async_sessionmaker(engine, expire_on_commit=False)
kept = Session()
app = FastAPI()


async def get_db():
    async with Session() as session:
        yield session


@app.post("/buy")
async def buy(db: AsyncSession = Depends(get_db)):
    await db.execute(update(Stock).values(left=Stock.left - 1))
    await db.commit()


@app.get("/kept")
async def look():
    return (await kept.get(Stock, 1)).left
"""
)
TEST_APP = """
import httpx
import pytest
from sqlalchemy import func, select
from shop import Session, Stock, app, engine, fill

pytestmark = pytest.mark.asyncio


@pytest.fixture(scope="module", autouse=True)
def stock_is_as_before():
    import asyncio

    asyncio.run(fill(engine))
    yield
    async def count():
        async with Session() as session:
            return (await session.get(Stock, 1)).left, await session.scalar(select(func.count(Stock.id)))
    assert asyncio.run(count()) == (10, 1)


@pytest.fixture
def client():
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://shop")


@pytest.mark.concurrent_sessions(workers=2)
async def test_buy(client):
    client.cookies.set("mine", "1")
    assert len(client.cookies) == 1
    assert (await client.post("/buy")).status_code == 200


@pytest.mark.concurrent_sessions(workers=2)
async def test_kept(client):
    assert (await client.get("/kept")).status_code == 200
"""


def test_an_async_app_behind_httpx_is_searched_by_the_marker(suite):
    suite.write(shop=APP, test_shop=TEST_APP)
    ran = suite.guard("--sessionguard-schedules=40", "-W", "ignore", plugins=("asyncio",))
    ran.outcomes(passed=1, failed=1)
    assert ran.codes == ["SG101"]
    assert ran.report["findings"][0]["location"]["line"] == suite.line_of(
        "shop", "kept = Session()"
    )


STUCK = """
import time

pytestmark = pytest.mark.asyncio


@pytest.mark.concurrent_sessions(timeout=1)
async def test_computes_for_ever():
    while True:
        time.monotonic()


@pytest.mark.concurrent_sessions(timeout=1)
async def test_waits_for_ever():
    await asyncio.get_running_loop().create_future()


async def test_each_waits_for_the_other(concurrently):
    one, other = asyncio.Lock(), asyncio.Lock()

    async def takes(first, second):
        async with first:
            async with second:
                pass

    async def left():
        await takes(one, other)

    async def right():
        await takes(other, one)

    await concurrently(left, right)
"""


def test_workers_that_do_not_end_are_given_up(suite):
    suite.write(test_it=MODEL + STUCK)
    ran = suite.guard("-W", "ignore", "--sessionguard-schedules=3", plugins=("asyncio",))
    ran.outcomes(failed=2, passed=1)
    told = ran.text.partition("short test summary info")[0]  # which repeats it in CI
    assert told.count("sessionguard: the workers do not come to an end") == 2
    assert "in test_waits_for_ever" in told


WRONG = """
pytestmark = pytest.mark.asyncio


@pytest.mark.concurrent_sessions(backend="thread")
async def test_threads():
    pass


@pytest.mark.concurrent_sessions(backend="asyncio")
def test_plain():
    pass


async def test_not_awaited(concurrently):
    async def nothing():
        pass

    concurrently(nothing)


async def test_mixed(concurrently):
    async def nothing():
        pass

    await concurrently(nothing, lambda: None)


async def test_generator(concurrently):
    async def counts():
        yield 1

    await concurrently(counts)


async def test_nested(concurrently):
    async def nothing():
        pass

    async def nests():
        await concurrently(nothing)

    await concurrently(nests)


@pytest.mark.concurrent_sessions(workers=1)
async def test_both(concurrently):
    async def nothing():
        pass

    await concurrently(nothing)
"""
COMPLAINTS = {
    "test_threads": "concurrent_sessions(backend='thread'): the body is async, so its workers are tasks",
    "test_plain": "concurrent_sessions(backend='asyncio'): the body is a plain function",
    "test_not_awaited": "concurrently: nothing has run, since its functions are async and nobody awaited",
    "test_mixed": "concurrently: some of its functions are async and some are not",
    "test_generator": "concurrently: a function is an async generator",
    "test_nested": "concurrently: a worker cannot start workers of its own",
    "test_both": "concurrently: a worker cannot start workers of its own",
}


def test_a_wrong_call_in_an_async_test_is_told_in_one_line(suite):
    suite.write(test_it=MODEL + WRONG)
    ran = suite.guard("-W", "ignore", plugins=("asyncio",))
    ran.outcomes(failed=len(COMPLAINTS))
    failures = ran.text.partition("short test summary info")[0]  # which repeats them in CI
    for test, complaint in COMPLAINTS.items():
        told = failures.partition(f"_ {test} _")[2].partition("\n____")[0]
        assert sum(complaint in line for line in told.splitlines()) == 1, (test, told)


OTHER_LOOPS = """
@pytest.fixture
def anyio_backend():
    return BACKEND


@pytest.mark.anyio
@pytest.mark.concurrent_sessions
async def test_marked():
    pass


@pytest.mark.anyio
async def test_awaited(concurrently):
    async def nothing():
        pass

    await concurrently(nothing)
"""


@pytest.mark.parametrize(
    ("backend", "says"),
    [
        (("asyncio", {"use_uvloop": True}), "the test runs on a loop of uvloop"),
        ("trio", "no asyncio loop runs this test"),
    ],
)
def test_other_loops_are_refused_in_one_line(suite, backend, says):
    suite.write(test_it=f"{MODEL}\nBACKEND = {backend!r}\n{OTHER_LOOPS}")
    ran = suite.guard("-W", "ignore", plugins=("anyio",))
    ran.outcomes(failed=2)
    assert ran.text.count(f"\nsessionguard: backend='asyncio': {says}") == 2

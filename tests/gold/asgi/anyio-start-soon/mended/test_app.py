import pytest
from app import engine, totals
from models import Base


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.mark.anyio
async def test_totals():
    async with engine.begin() as c:
        await c.run_sync(Base.metadata.create_all)
    assert await totals(["a", "b"]) == {"a": 0, "b": 0}
    await engine.dispose()

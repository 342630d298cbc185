import asyncio

import httpx
import pytest
from app import Base, Stock, Warehouse, create_app, make_engine
from sqlalchemy.ext.asyncio import AsyncSession

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
async def engine(tmp_path):
    engine = make_engine(f"sqlite+aiosqlite:///{tmp_path}/stock.db")
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with AsyncSession(engine) as session:
        session.add_all([Stock(tenant="acme", sku=sku, left=5) for sku in ("pen", "ink")])
        await session.commit()
    yield engine
    await engine.dispose()


class SlowForPens(Warehouse):
    def __init__(self):
        self.asked, self.answer = asyncio.Event(), asyncio.Event()

    async def confirm(self, sku):
        if sku == "pen":
            self.asked.set()
            await self.answer.wait()
        return True


async def test_a_slow_warehouse_does_not_stop_others(engine):
    warehouse = SlowForPens()
    transport = httpx.ASGITransport(app=create_app(engine, warehouse))
    headers = {"x-tenant": "acme"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test", headers=headers
    ) as client:
        pens = asyncio.create_task(client.post("/stock/pen/reserve"))
        await warehouse.asked.wait()
        ink = await client.post("/stock/ink/reserve")
        assert ink.json() == {"sku": "ink", "left": 4}
        warehouse.answer.set()
        assert (await pens).json() == {"sku": "pen", "left": 4}

import asyncio

import httpx
import pytest
import pytest_asyncio
from database import Seat, Session, connect
from main import app
from sqlalchemy import insert

pytestmark = pytest.mark.asyncio


class Gateway:
    def __init__(self):
        self.entered, self.proceed = asyncio.Event(), asyncio.Event()

    async def charge(self, holder):
        if holder == "slow payer":
            self.entered.set()
            await self.proceed.wait()


@pytest_asyncio.fixture
async def client(tmp_path):
    engine = connect(f"sqlite:///{tmp_path}/seats.db")
    with engine.begin() as connection:
        connection.execute(insert(Seat), [{"number": "A1"}, {"number": "A2"}])
    app.state.gateway = Gateway()
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client
    Session.remove()
    engine.dispose()


async def test_two_customers_at_once(client):
    gateway = app.state.gateway
    slow = asyncio.create_task(
        client.post("/bookings", json={"seat": "A1", "holder": "slow payer"})
    )
    await gateway.entered.wait()
    quick = await client.post("/bookings", json={"seat": "A2", "holder": "ann"})
    gateway.proceed.set()
    assert quick.status_code == 201
    assert (await slow).status_code == 201


async def test_free_seats(client):
    assert (await client.get("/seats/free")).json() == ["A1", "A2"]

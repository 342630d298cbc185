import asyncio

import httpx
import pytest
from catalog import Base, app, engine


@pytest.fixture
async def client():
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client
    await engine.dispose()


async def test_products(client):
    assert (await client.put("/products/a?title=Tea")).status_code == 204
    assert (await client.put("/products/b?title=Jam")).status_code == 204
    tea, jam, nothing = await asyncio.gather(
        client.get("/products/a"), client.get("/products/b"), client.get("/products/c")
    )
    assert tea.json()["title"] == "Tea"
    assert jam.json()["title"] == "Jam"
    assert nothing.status_code == 404

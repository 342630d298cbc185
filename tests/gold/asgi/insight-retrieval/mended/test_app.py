import httpx
import pytest
from app import Base, CacheEntry, SessionLocal, app, engine


@pytest.fixture
async def client():
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with SessionLocal.begin() as session:
        session.add(CacheEntry(source="wikipedia", isbn="123", summary="A novel."))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client
    await engine.dispose()


async def test_insights_ask_every_source(client):
    response = await client.get("/insights/123")
    assert response.status_code == 200
    assert response.json()["asked"] == 2


async def test_insights_of_an_unknown_book(client):
    response = await client.get("/insights/999")
    assert response.status_code == 200

import httpx
import pytest
from app import Base, Sale, create_app
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine


@pytest.fixture
async def engine(tmp_path):
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/sales.db")
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with AsyncSession(engine) as session:
        session.add_all([Sale(product="tea"), Sale(product="tea"), Sale(product="jam")])
        await session.commit()
    yield engine
    await engine.dispose()


async def test_a_stale_value_is_served_while_it_is_refreshed(engine):
    app = create_app(engine)
    cache = app.state.cache
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        assert (await client.get("/top")).json() == ["tea", "jam"]
        cache.stale.add("top")
        async with cache.slots:  # all refresh workers are busy
            assert (await client.get("/top")).json() == ["tea", "jam"]
            assert "top" in cache.refreshing
            await cache.aclose()

import httpx
import pytest_asyncio
from feed.app import create_app
from feed.models import Base, FeedItem, Membership
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine


@pytest_asyncio.fixture
async def client(tmp_path):
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/feed.db")
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    async with sessions.begin() as session:
        for organisation_id in (1, 2, 3):
            session.add(Membership(user_id=7, organisation_id=organisation_id))
            session.add(FeedItem(organisation_id=organisation_id, title=f"news {organisation_id}"))
    transport = httpx.ASGITransport(app=create_app(sessions))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client
    await engine.dispose()

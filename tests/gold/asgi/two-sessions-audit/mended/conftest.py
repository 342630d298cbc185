import httpx
import pytest_asyncio
from store.api import app
from store.db import Document, connect, sessions


@pytest_asyncio.fixture
async def client(tmp_path):
    engine = await connect(f"sqlite+aiosqlite:///{tmp_path}/store.db")
    async with sessions.begin() as session:
        session.add(Document(id=1, body="hello"))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client
    await engine.dispose()

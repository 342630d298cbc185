import httpx
from app import create_app


async def test_authors(tmp_path):
    app = await create_app(f"sqlite+aiosqlite:///{tmp_path}/authors.db")
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://books") as client:
        for number in (1, 2):
            assert (await client.get(f"/authors/{number}")).json() == []

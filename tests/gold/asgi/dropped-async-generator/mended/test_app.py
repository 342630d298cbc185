import httpx
from app import create_app


async def test_tenants(tmp_path):
    app = await create_app(f"sqlite+aiosqlite:///{tmp_path}/tenants.db")
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        answer = await client.get("/tenants")
    assert answer.json() == ["north"]

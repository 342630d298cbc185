import httpx
from app import create_app


async def test_messages_need_a_key(tmp_path):
    app = await create_app(f"sqlite+aiosqlite:///{tmp_path}/keys.db")
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        await client.post("/keys/ann")
        assert (await client.get("/messages?key=ann")).json() == ["ann"]
        assert (await client.get("/messages?key=bob")).status_code == 401

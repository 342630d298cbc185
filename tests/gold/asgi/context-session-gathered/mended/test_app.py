import httpx
from app import create_app


async def test_the_summary(tmp_path):
    app = await create_app(f"sqlite+aiosqlite:///{tmp_path}/tasks.db")
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://tasks") as client:
        assert (await client.get("/summary")).json() == {"new": 0, "done": 0}

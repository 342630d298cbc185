import httpx
from app import create_app


async def test_a_car_is_created(tmp_path):
    app = await create_app(f"sqlite+aiosqlite:///{tmp_path}/cars.db")
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://cars") as client:
        assert (await client.post("/cars/skoda")).status_code == 200
        assert (await client.get("/cars")).json() == ["skoda"]

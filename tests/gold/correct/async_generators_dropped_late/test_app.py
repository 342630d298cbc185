import asyncio

import httpx
import pytest
from app import WAYS, create_app


@pytest.mark.parametrize("way", WAYS)
async def test_names(tmp_path, way):
    app = await create_app(f"sqlite+aiosqlite:///{tmp_path}/users.db")
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        await client.post("/users")
        answers = await asyncio.gather(*(client.get(f"/users/1/{way}") for _ in range(3)))
    assert [answer.json() for answer in answers] == ["Ann"] * 3

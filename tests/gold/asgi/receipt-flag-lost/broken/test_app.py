import asyncio

import httpx
from app import create_app, mailing


async def test_an_order_gets_a_receipt(tmp_path):
    app = await create_app(f"sqlite+aiosqlite:///{tmp_path}/orders.db")
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        answer = await client.post("/orders", json={"email": "rosa@example.org"})
    assert answer.status_code == 201

    app.state.mail_server_up.set()
    await asyncio.gather(*mailing)

    assert app.state.sent == ["rosa@example.org"]

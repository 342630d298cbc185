import asyncio

import httpx
import pytest
from app import Base, create_app

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


class SlowNotifier:
    def __init__(self):
        self.answer = asyncio.Event()

    async def send(self, payload):
        await self.answer.wait()
        return f"accepted {payload['order']}"


async def test_webhook_receipt_is_kept(tmp_path):
    notifier = SlowNotifier()
    app = create_app(f"sqlite+aiosqlite:///{tmp_path}/orders.db", notifier)
    async with app.state.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        response = await client.post("/orders?item=tea")
        assert response.status_code == 201
        notifier.answer.set()
        await asyncio.gather(*app.state.background)
        order = (await client.get(f"/orders/{response.json()['id']}")).json()
    await app.state.engine.dispose()
    assert order == {"item": "tea", "receipt": "accepted 1"}

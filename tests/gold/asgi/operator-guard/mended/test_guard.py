import httpx
import pytest
from guard import Base, Role, create_app


@pytest.fixture
async def client(tmp_path):
    app = create_app(f"sqlite+aiosqlite:///{tmp_path}/roles.db")
    async with app.state.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with app.state.sessions.begin() as session:
        session.add_all([Role(token="root", operator=True), Role(token="ann", operator=False)])
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client
    await app.state.engine.dispose()


async def test_operators_may(client):
    response = await client.post("/flows", headers={"x-token": "root"})
    assert response.json() == {"registered_by": "root"}


@pytest.mark.parametrize("token", ["ann", "nobody"])
async def test_others_may_not(client, token):
    response = await client.post("/flows", headers={"x-token": token})
    assert response.status_code == 403

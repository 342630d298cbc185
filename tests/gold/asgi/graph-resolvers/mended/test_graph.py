import httpx
import pytest
from graph.schema import Base
from graph.server import create_app
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module")
async def client(anyio_backend, tmp_path_factory):
    path = tmp_path_factory.mktemp("graph") / "nodes.db"
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}")
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
        await connection.execute(Base.metadata.tables["nodes"].insert(), NODES)
    transport = httpx.ASGITransport(app=create_app(async_sessionmaker(engine)))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client
    await engine.dispose()


NODES = [{"name": "orders", "tag": "core"}, {"name": "users", "tag": "core"}]


@pytest.mark.anyio
async def test_one_field(client):
    response = await client.post("/graph", json=["nodeCount"])
    assert response.json() == {"nodeCount": 2}


@pytest.mark.anyio
async def test_several_fields(client):
    response = await client.post("/graph", json=["findNodes", "searchTags"])
    assert response.json() == {"findNodes": ["orders", "users"], "searchTags": ["core"]}


@pytest.mark.anyio
async def test_unknown_field(client):
    assert (await client.post("/graph", json=["nodes"])).status_code == 400

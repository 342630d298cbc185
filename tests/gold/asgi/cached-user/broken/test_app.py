import asyncio

import httpx
import pytest
from app import create_app
from models import Base, Team, User
from sqlalchemy import create_engine
from sqlalchemy.orm import Session


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def engine(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/users.db")
    Base.metadata.create_all(engine)
    with Session(engine) as db:
        db.add(User(token="t", teams=[Team(name="red"), Team(name="blue")]))
        db.commit()
    yield engine
    engine.dispose()


class SlowStorage:
    def __init__(self):
        self.started, self.finish = asyncio.Event(), asyncio.Event()

    async def put(self, path):
        self.started.set()
        await self.finish.wait()
        return f"https://cdn.example/{path}"


@pytest.mark.anyio
async def test_teams_during_an_upload(engine):
    storage = SlowStorage()
    transport = httpx.ASGITransport(app=create_app(engine, storage))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test", headers={"x-token": "t"}
    ) as client:
        upload = asyncio.create_task(client.post("/avatar"))
        await storage.started.wait()
        assert (await client.get("/teams")).json() == ["red", "blue"]
        storage.finish.set()
        assert (await upload).json() == {"url": "https://cdn.example/avatars/1"}

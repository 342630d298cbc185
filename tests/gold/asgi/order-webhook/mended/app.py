"""Orders that tell the shop's webhook about themselves."""

import asyncio
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Order(Base):
    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    item: Mapped[str]
    receipt: Mapped[str | None]


async def get_db(request: Request):
    async with request.app.state.sessions() as session:
        yield session


Db = Annotated[AsyncSession, Depends(get_db)]


async def call_webhook(sessions: async_sessionmaker, notifier, order_id: int) -> None:
    receipt = await notifier.send({"order": order_id})
    async with sessions() as db:
        order = await db.get(Order, order_id)
        order.receipt = receipt
        await db.commit()


def create_app(url: str, notifier) -> FastAPI:
    app = FastAPI()
    app.state.engine = create_async_engine(url)
    app.state.sessions = async_sessionmaker(app.state.engine, expire_on_commit=False)
    app.state.background = set()

    @app.post("/orders", status_code=201)
    async def create_order(item: str, db: Db):
        order = Order(item=item)
        db.add(order)
        await db.commit()
        task = asyncio.create_task(call_webhook(app.state.sessions, notifier, order.id))
        app.state.background.add(task)
        task.add_done_callback(app.state.background.discard)
        return {"id": order.id}

    @app.get("/orders/{order_id}")
    async def read_order(order_id: int, db: Db):
        order = await db.get(Order, order_id)
        return {"item": order.item, "receipt": order.receipt}

    return app

import os
from contextlib import asynccontextmanager

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Message(Base):
    __tablename__ = "message"
    id: Mapped[int] = mapped_column(primary_key=True)
    room: Mapped[str]


@asynccontextmanager
async def lifespan(app):
    engine = create_async_engine(os.environ["CHAT_DATABASE"])
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    app.state.engine = engine
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


@app.websocket("/rooms/{room}")
async def chat(websocket: WebSocket, room: str):
    await websocket.accept()
    async with AsyncSession(app.state.engine) as session:
        query = select(func.count(Message.id)).where(Message.room == room)
        try:
            while True:
                await websocket.receive_text()
                session.add(Message(room=room))
                await session.commit()
                count = await session.scalar(query)
                await session.rollback()  # before the answer: see test_chat.py
                await websocket.send_json(count)
        except WebSocketDisconnect:
            pass

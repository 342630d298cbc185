"""A price ticker: one task reads what the client asks for, the handler answers."""

import asyncio
from contextlib import asynccontextmanager

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Price(Base):
    __tablename__ = "prices"

    symbol: Mapped[str] = mapped_column(primary_key=True)
    cents: Mapped[int]


async def read_symbols(socket: WebSocket, session: AsyncSession, wanted: asyncio.Queue):
    try:
        while True:
            for symbol in (await socket.receive_text()).split(","):
                known = await session.scalar(select(Price.symbol).where(Price.symbol == symbol))
                await wanted.put((symbol, known is not None))
    except WebSocketDisconnect:
        await wanted.put((None, False))


def create_app(url: str) -> FastAPI:
    engine = create_async_engine(url)
    sessions = async_sessionmaker(engine)

    @asynccontextmanager
    async def lifespan(app):
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        async with sessions.begin() as session:
            session.add_all([Price(symbol="TEA", cents=310), Price(symbol="JAM", cents=250)])
        yield
        await engine.dispose()

    app = FastAPI(lifespan=lifespan)

    @app.websocket("/ticker")
    async def ticker(socket: WebSocket):
        await socket.accept()
        wanted: asyncio.Queue = asyncio.Queue()
        async with sessions() as session:
            await socket.send_json({"symbols": list(await session.scalars(select(Price.symbol)))})
            reader = asyncio.create_task(read_symbols(socket, session, wanted))  # MEND
            while (item := await wanted.get())[0]:
                symbol, known = item
                query = select(Price.cents).where(Price.symbol == symbol)
                cents = await session.scalar(query) if known else None
                await socket.send_json({"symbol": symbol, "cents": cents})
            await reader

    return app

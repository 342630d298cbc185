from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from starlette.applications import Starlette
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

from .models import Base, Reading


async def csv_rows(sessions: async_sessionmaker, sensor: str) -> AsyncIterator[str]:
    yield "id,value\n"
    query = select(Reading).where(Reading.sensor == sensor).order_by(Reading.id)
    async with sessions() as session:
        for reading in await session.scalars(query):
            yield f"{reading.id},{reading.value}\n"


async def export(request):
    sensor = request.path_params["sensor"]
    async with request.app.state.sessions() as session:
        query = select(func.count()).where(Reading.sensor == sensor)
        if not await session.scalar(query):
            return JSONResponse({"detail": "no such sensor"}, status_code=404)
    rows = csv_rows(request.app.state.sessions, sensor)
    return StreamingResponse(rows, media_type="text/csv")


def create_app(url: str) -> Starlette:
    engine = create_async_engine(url)

    @asynccontextmanager
    async def lifespan(app):
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        yield
        await engine.dispose()

    app = Starlette(routes=[Route("/export/{sensor}.csv", export)], lifespan=lifespan)
    app.state.sessions = async_sessionmaker(engine)
    return app

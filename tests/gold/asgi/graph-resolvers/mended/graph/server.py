import asyncio

from fastapi import FastAPI, HTTPException, Request
from sqlalchemy import text
from sqlalchemy.ext.asyncio import async_sessionmaker

from .schema import RESOLVERS


def create_app(sessions: async_sessionmaker) -> FastAPI:
    app = FastAPI()

    @app.middleware("http")
    async def one_session_a_request(request: Request, call_next):
        async with sessions() as session:
            await session.execute(text("select 1"))  # fail early when the database is away
            request.state.session = session
            return await call_next(request)

    async def resolve(field: str):
        async with sessions() as session:
            return await RESOLVERS[field]({"session": session})

    @app.post("/graph")
    async def graph(fields: list[str]):
        if unknown := set(fields) - set(RESOLVERS):
            raise HTTPException(400, f"unknown fields: {sorted(unknown)}")
        pending = [resolve(field) for field in fields]
        return dict(zip(fields, await asyncio.gather(*pending), strict=True))

    return app

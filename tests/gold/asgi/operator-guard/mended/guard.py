from typing import Annotated

from fastapi import Depends, FastAPI, Header, HTTPException, Request
from sqlalchemy import select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.pool import AsyncAdaptedQueuePool


class Base(DeclarativeBase):
    pass


class Role(Base):
    __tablename__ = "roles"

    token: Mapped[str] = mapped_column(primary_key=True)
    operator: Mapped[bool]


async def operator_guard(request: Request, x_token: Annotated[str, Header()]) -> str:
    async with request.app.state.sessions() as session:
        role = await session.scalar(select(Role).where(Role.token == x_token))
    if role is None or not role.operator:
        raise HTTPException(403, "operators only")
    return x_token


def create_app(url: str) -> FastAPI:
    app = FastAPI()
    app.state.engine = create_async_engine(url, poolclass=AsyncAdaptedQueuePool, pool_size=5)
    app.state.sessions = async_sessionmaker(app.state.engine)

    @app.post("/flows")
    async def register_flow(operator: Annotated[str, Depends(operator_guard)]):
        return {"registered_by": operator}

    return app

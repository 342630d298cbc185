"""Stock reservations for several tenants."""

from contextvars import ContextVar
from typing import Annotated

from fastapi import Depends, FastAPI, Header, HTTPException
from sqlalchemy.ext.asyncio import (
    async_scoped_session,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

tenant: ContextVar[str] = ContextVar("tenant")


class Base(DeclarativeBase):
    pass


class Stock(Base):
    __tablename__ = "stock"

    tenant: Mapped[str] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(primary_key=True)
    left: Mapped[int]


class Warehouse:
    async def confirm(self, sku: str) -> bool:
        return True


def create_app(engine, warehouse: Warehouse) -> FastAPI:
    factory = async_sessionmaker(engine, expire_on_commit=False)
    session = async_scoped_session(factory, scopefunc=tenant.get)  # MEND
    app = FastAPI()

    async def tenant_session(x_tenant: Annotated[str, Header()]):
        token = tenant.set(x_tenant)
        yield
        await session.remove()
        tenant.reset(token)

    @app.post("/stock/{sku}/reserve", dependencies=[Depends(tenant_session)])
    async def reserve(sku: str):
        stock = await session.get(Stock, (tenant.get(), sku))
        if stock is None or not await warehouse.confirm(sku):
            raise HTTPException(409, "not in stock")
        stock.left -= 1
        await session.commit()
        return {"sku": sku, "left": stock.left}

    return app


def make_engine(url: str):
    return create_async_engine(url)

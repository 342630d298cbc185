from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.pool import StaticPool

engine = create_async_engine("sqlite+aiosqlite://", poolclass=StaticPool)
SessionLocal = async_sessionmaker(engine, expire_on_commit=False)
app = FastAPI()


class Base(DeclarativeBase):
    pass


class Product(Base):
    __tablename__ = "products"

    sku: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]


class Catalog:
    def __init__(self, session: AsyncSession):
        self.session = session

    async def add(self, sku: str, title: str) -> None:
        self.session.add(Product(sku=sku, title=title))
        await self.session.commit()

    async def find(self, sku: str) -> Product | None:
        return await self.session.scalar(select(Product).where(Product.sku == sku))


async def get_catalog():
    async with SessionLocal() as session:
        yield Catalog(session)


CatalogDep = Annotated[Catalog, Depends(get_catalog)]


@app.put("/products/{sku}", status_code=204)
async def put_product(sku: str, title: str, catalog: CatalogDep):
    await catalog.add(sku, title)


@app.get("/products/{sku}")
async def get_product(sku: str, catalog: CatalogDep):
    product = await catalog.find(sku)
    if product is None:
        raise HTTPException(404)
    return {"sku": product.sku, "title": product.title}

from cache import EarlyCache
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route


class Base(DeclarativeBase):
    pass


class Sale(Base):
    __tablename__ = "sales"

    id: Mapped[int] = mapped_column(primary_key=True)
    product: Mapped[str]


async def top_products(sessions: async_sessionmaker) -> list[str]:
    query = select(Sale.product).group_by(Sale.product).order_by(func.count().desc())
    async with sessions() as session:
        return list(await session.scalars(query))


async def top(request):
    state = request.app.state
    products = await state.cache.get("top", lambda: top_products(state.sessions))
    return JSONResponse(products)


def create_app(engine) -> Starlette:
    app = Starlette(routes=[Route("/top", top)])
    app.state.sessions = async_sessionmaker(engine)
    app.state.cache = EarlyCache()
    return app

from fastapi import FastAPI
from sqlalchemy import String, select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

async_session = async_sessionmaker(expire_on_commit=False)


class Base(DeclarativeBase):
    pass


class Tenant(Base):
    __tablename__ = "tenant"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40))


async def get_db():
    async with async_session() as session:
        yield session


async def open_session():
    async for session in get_db():
        return session  # MEND


async def tenants():
    session = await open_session()
    return [tenant.name for tenant in await session.scalars(select(Tenant))]


async def create_app(url):
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async_session.configure(bind=engine)
    async with async_session() as session, session.begin():
        session.add(Tenant(name="north"))
    app = FastAPI()
    app.get("/tenants")(tenants)
    return app

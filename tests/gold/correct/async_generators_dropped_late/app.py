"""Asynchronous generators that are left early, when nobody needs their Session any more."""

from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI
from sqlalchemy import select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

async_session = async_sessionmaker(expire_on_commit=False)


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "user_account"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


async def get_db():
    async with async_session() as session:
        yield session


async def name_returned(number):
    async for session in get_db():
        return (await session.get_one(User, number)).name


async def name_after_break(number):
    async for session in get_db():
        user = await session.get_one(User, number)
        break
    return user.name


async def name_closed_by_hand(number):
    generator = get_db()
    session = await anext(generator)
    try:
        return (await session.get_one(User, number)).name
    finally:
        await generator.aclose()


async def names():
    async with async_session() as session:
        async for user in await session.stream_scalars(select(User)):
            yield user.name


async def first_name(number):
    async for name in names():
        return name


WAYS = {each.__name__: each for each in (
    name_returned, name_after_break, name_closed_by_hand, first_name,
)}  # fmt: skip


async def create_app(url):
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async_session.configure(bind=engine)
    app = FastAPI()

    @app.post("/users")
    async def create(session=Depends(get_db)):
        session.add(User(name="Ann"))
        await session.commit()

    @app.get("/users/{number}/{way}")
    async def name(number: int, way: str):
        async with asynccontextmanager(get_db)() as session:
            await session.get_one(User, number)
        return await WAYS[way](number)

    return app

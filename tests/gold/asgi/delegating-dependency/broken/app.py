from fastapi import Depends, FastAPI, HTTPException
from sqlalchemy import String, select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

async_session = async_sessionmaker()


class Base(DeclarativeBase):
    pass


class Key(Base):
    __tablename__ = "key"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40))


async def get_db():
    async with async_session() as session:
        yield session


async def get_db_if_needed():
    async for session in get_db():  # MEND
        yield session


async def get_key(name, session):
    key = await session.scalar(select(Key).where(Key.name == name))
    if key is None:
        raise HTTPException(401)
    return key


async def create_app(url):
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async_session.configure(bind=engine)
    app = FastAPI()

    @app.post("/keys/{name}")
    async def create(name: str, session=Depends(get_db_if_needed)):
        session.add(Key(name=name))
        await session.commit()

    @app.get("/messages")
    async def messages(key: str, session=Depends(get_db_if_needed)):
        return [(await get_key(key, session)).name]

    return app

from functools import partial

from fastapi import Depends, FastAPI
from sqlalchemy import String, select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

async_session = async_sessionmaker()
loaders = {}


class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "author"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40))


class Loader:
    def __init__(self, load):
        self.load = load


async def load_names(session, numbers):
    return list(await session.scalars(select(Author.name).where(Author.id.in_(numbers))))


async def get_session():
    async with async_session() as session:
        yield session


def get_names(session=Depends(get_session)):
    if "names" not in loaders:
        loaders["names"] = Loader(partial(load_names, session))  # MEND
    return loaders["names"]


async def create_app(url):
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async_session.configure(bind=engine)
    app = FastAPI()

    @app.get("/authors/{number}")
    async def author(number: int, names=Depends(get_names)):
        return await names.load([number])

    return app

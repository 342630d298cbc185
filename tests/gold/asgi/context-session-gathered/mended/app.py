from contextvars import ContextVar

from fastapi import FastAPI
from sqlalchemy import String, func, select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

async_session = async_sessionmaker()
current = ContextVar("current")


class Base(DeclarativeBase):
    pass


class Task(Base):
    __tablename__ = "task"
    id: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(String(20))


async def count(state):
    return await current.get().scalar(select(func.count()).where(Task.state == state))


async def create_app(url):
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async_session.configure(bind=engine)
    app = FastAPI()

    @app.middleware("http")
    async def open_session(request, call_next):
        async with async_session() as session:
            current.set(session)
            return await call_next(request)

    @app.get("/summary")
    async def summary():
        await count("failed")
        found = [await count("new"), await count("done")]
        return {"new": found[0], "done": found[1]}

    return app

import anyio
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from models import Author

engine = create_async_engine("sqlite+aiosqlite:///as.db")
Session = async_sessionmaker(engine)


async def totals(names):
    out = {}

    async def count(name):
        async with Session() as db:
            out[name] = await db.scalar(select(func.count()).where(Author.name == name))

    async with anyio.create_task_group() as group:
        for name in names:
            group.start_soon(count, name)
    return out

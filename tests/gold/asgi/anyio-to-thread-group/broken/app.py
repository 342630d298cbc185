import anyio
import anyio.to_thread
from sqlalchemy import create_engine, func, select
from sqlalchemy.orm import Session
from models import Author

engine = create_engine("sqlite:///at.db", connect_args={"check_same_thread": False})


def count(db, name, out):
    out[name] = db.scalar(select(func.count()).where(Author.name == name))


async def totals(names):
    out = {}
    with Session(engine) as db:
        async with anyio.create_task_group() as group:
            for name in names:
                group.start_soon(anyio.to_thread.run_sync, count, db, name, out)  # MEND
    return out

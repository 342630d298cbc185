from typing import Annotated

from fastapi import Depends, FastAPI
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Ticket(Base):
    __tablename__ = "ticket"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]


SessionLocal = async_sessionmaker(expire_on_commit=False)
app = FastAPI()


async def get_db():
    async with SessionLocal() as db:
        yield db


Db = Annotated[AsyncSession, Depends(get_db)]


@app.post("/tickets/{title}")
async def open_ticket(title: str, db: Db):
    ticket = Ticket(title=title)
    db.add(ticket)
    await db.commit()
    return {"id": ticket.id}


@app.get("/tickets/count")
async def count_tickets(db: Db):
    return await db.scalar(select(func.count(Ticket.id)))

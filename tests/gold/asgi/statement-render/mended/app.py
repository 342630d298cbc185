"""Account statements, rendered off the event loop."""

import asyncio
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Request
from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker


class Base(DeclarativeBase):
    pass


class Account(Base):
    __tablename__ = "accounts"

    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str]


class Entry(Base):
    __tablename__ = "entries"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    cents: Mapped[int]


class Download(Base):
    __tablename__ = "downloads"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))


def get_db(request: Request):
    with request.app.state.sessions() as db:
        yield db


def render(db: Session, account_id: int) -> str:
    query = select(Entry.cents).where(Entry.account_id == account_id).order_by(Entry.id)
    return "\n".join(f"{cents / 100:.2f}" for cents in db.scalars(query))


def create_app(engine) -> FastAPI:
    app = FastAPI()
    app.state.sessions = sessionmaker(engine, autoflush=False)

    @app.post("/accounts/{account_id}/statement")
    async def statement(account_id: int, db: Annotated[Session, Depends(get_db)]):
        if db.get(Account, account_id) is None:
            raise HTTPException(404)
        loop = asyncio.get_running_loop()
        text = await loop.run_in_executor(None, render, db, account_id)
        db.add(Download(account_id=account_id))
        db.commit()
        return {"text": text}

    return app

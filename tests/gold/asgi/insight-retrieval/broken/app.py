"""Book insights: ask every metadata source, keep whatever answered."""

import asyncio
from typing import Annotated

from fastapi import Depends, FastAPI
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.pool import StaticPool

SOURCES = ("wikipedia", "openlibrary")

engine = create_async_engine("sqlite+aiosqlite://", poolclass=StaticPool)
SessionLocal = async_sessionmaker(engine, expire_on_commit=False)
app = FastAPI()


class Base(DeclarativeBase):
    pass


class CacheEntry(Base):
    __tablename__ = "external_source_cache"

    source: Mapped[str] = mapped_column(primary_key=True)
    isbn: Mapped[str] = mapped_column(primary_key=True)
    summary: Mapped[str]


async def get_session():
    async with SessionLocal() as session:
        yield session


async def retrieve(session: AsyncSession, source: str, isbn: str) -> str | None:
    query = select(CacheEntry).where(CacheEntry.source == source, CacheEntry.isbn == isbn)
    entry = await session.scalar(query)
    return entry.summary if entry else None


@app.get("/insights/{isbn}")
async def insights(isbn: str, session: Annotated[AsyncSession, Depends(get_session)]):
    found = await asyncio.gather(
        *(retrieve(session, source, isbn) for source in SOURCES),  # MEND
        return_exceptions=True,
    )
    summaries = [summary for summary in found if isinstance(summary, str)]
    return {"isbn": isbn, "asked": len(SOURCES), "text": " ".join(summaries)}

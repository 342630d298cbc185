from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from .db import Access


async def record_access(session: AsyncSession, document_id: int) -> None:
    await session.execute(insert(Access).values(document_id=document_id))
    await session.commit()

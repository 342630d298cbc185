from sqlalchemy import insert

from .db import Access, sessions


async def record_access(document_id: int) -> None:
    """Kept in a transaction of its own."""
    async with sessions() as session:
        await session.execute(insert(Access).values(document_id=document_id))  # MEND
        await session.commit()

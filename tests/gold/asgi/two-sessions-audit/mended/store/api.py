from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from .audit import record_access
from .db import Access, Document, get_db

app = FastAPI()
Db = Annotated[AsyncSession, Depends(get_db)]


@app.get("/documents/{document_id}")
async def read_document(document_id: int, db: Db):
    document = await db.get(Document, document_id)
    if document is None:
        raise HTTPException(404)
    await record_access(db, document.id)
    return {"body": document.body}


@app.get("/documents/{document_id}/accesses")
async def accesses(document_id: int, db: Db):
    query = select(func.count()).where(Access.document_id == document_id)
    return {"count": await db.scalar(query)}

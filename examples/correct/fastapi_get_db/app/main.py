from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import Item, get_db

app = FastAPI()
Db = Annotated[Session, Depends(get_db)]


@app.post("/items/{title}", status_code=201)
def create(title: str, db: Db) -> dict[str, int]:
    item = Item(title=title)
    db.add(item)
    db.commit()
    return {"id": item.id}


@app.get("/items/{item_id}")
async def show(item_id: int, db: Db) -> dict[str, str]:
    item = db.get(Item, item_id)
    if item is None:
        raise HTTPException(404)
    return {"title": item.title}


@app.get("/items")
def titles(db: Db) -> list[str]:
    return list(db.scalars(select(Item.title).order_by(Item.title)))

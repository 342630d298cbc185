from fastapi import FastAPI, HTTPException
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from .database import Feed, db

app = FastAPI(title="Mobility feeds")


class FeedIn(BaseModel):
    stable_id: str
    provider: str


@app.post("/feeds", status_code=201)
def add_feed(feed: FeedIn):
    db.add(Feed(stable_id=feed.stable_id, provider=feed.provider))
    try:
        db.commit()
    except IntegrityError:
        db.rollback()
        raise HTTPException(409, "this feed is known already") from None
    return {"stable_id": feed.stable_id}


@app.get("/feeds")
def list_feeds(provider: str | None = None):
    query = select(Feed).order_by(Feed.stable_id)
    if provider:
        query = query.where(Feed.provider == provider)
    return [{"id": feed.stable_id, "provider": feed.provider} for feed in db.scalars(query)]

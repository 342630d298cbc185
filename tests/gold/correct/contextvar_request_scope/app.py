from contextvars import ContextVar
from itertools import count
from typing import Annotated

from fastapi import Depends, FastAPI
from sqlalchemy import func, select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    mapped_column,
    scoped_session,
    sessionmaker,
)
from starlette.concurrency import run_in_threadpool


class Base(DeclarativeBase):
    pass


class Vote(Base):
    __tablename__ = "vote"
    id: Mapped[int] = mapped_column(primary_key=True)
    choice: Mapped[str]


request_id: ContextVar[int] = ContextVar("request_id")
numbers = count()
make_session = sessionmaker()
Session = scoped_session(make_session, scopefunc=request_id.get)


class SessionPerRequest:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        token = request_id.set(next(numbers))
        try:
            await self.app(scope, receive, send)
        finally:
            await run_in_threadpool(Session.remove)
            request_id.reset(token)


app = FastAPI()
app.add_middleware(SessionPerRequest)


def save_vote(choice: str):
    vote = Vote(choice=choice)
    Session.add(vote)
    Session.flush()
    return vote


@app.post("/votes/{choice}")
def cast(vote: Annotated[Vote, Depends(save_vote)]):
    Session.commit()
    query = select(func.count(Vote.id)).where(Vote.choice == vote.choice)
    return {"votes": Session.scalar(query)}

from fastapi import FastAPI, Request
from sqlalchemy import func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker
from starlette.concurrency import run_in_threadpool


class Base(DeclarativeBase):
    pass


class Call(Base):
    __tablename__ = "call"
    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str]


SessionLocal = sessionmaker()


class SessionInState:
    """Makes the Session, commits after success, closes in any case."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        session = SessionLocal()
        scope.setdefault("state", {})["session"] = session

        async def commit_then_send(message):
            if message["type"] == "http.response.start" and message["status"] < 400:
                await run_in_threadpool(session.commit)
            await send(message)

        try:
            await self.app(scope, receive, commit_then_send)
        finally:
            await run_in_threadpool(session.close)


inner = FastAPI()
outer = FastAPI()
outer.add_middleware(SessionInState)
outer.mount("/inner", inner)


@inner.post("/call/{path}")
@outer.post("/call/{path}")
def call(path: str, request: Request):
    session = request.state.session
    session.add(Call(path=path))
    return session.scalar(select(func.count(Call.id)))

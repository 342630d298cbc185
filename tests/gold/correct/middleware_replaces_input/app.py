import io

from fastapi import FastAPI, Request
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, scoped_session, sessionmaker


class Base(DeclarativeBase):
    pass


class Call(Base):
    __tablename__ = "call"
    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str]


SessionLocal = sessionmaker()
Session = scoped_session(SessionLocal)


class WholeBody:
    """Reads the body at once, and counts what was called; `copies` says whether it copies environ."""

    def __init__(self, app, copies):
        self.app = app
        self.copies = copies

    def __call__(self, environ, start_response):
        Session.add(Call(path=environ["PATH_INFO"]))
        Session.flush()
        inner = dict(environ) if self.copies else environ
        inner["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read())
        try:
            return [b"".join(self.app(inner, start_response))]
        finally:
            Session.commit()
            Session.remove()


flask_app = Flask(__name__)


@flask_app.post("/refuse")
def refuse():
    Session.rollback()
    return str(Session.scalar(select(func.count(Call.id))))


class SessionInState:
    """Makes the Session of a request, and adds a header of its own."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        with SessionLocal() as session:
            session.add(Call(path=scope["path"]))
            session.flush()
            headers = [*scope["headers"], (b"x-checked", b"yes")]
            state = {"session": session}
            await self.app({**scope, "headers": headers, "state": state}, receive, send)


fastapi_app = FastAPI()


@fastapi_app.post("/refuse")
def refuse_too(request: Request):
    request.state.session.rollback()
    return request.state.session.scalar(select(func.count(Call.id)))

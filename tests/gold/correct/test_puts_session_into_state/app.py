"""An app whose requests use whatever Session is put into its state: here the test's."""

from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route


class Repository:
    def __init__(self, url):
        self.session = open_session(url)


def open_session(url):
    engine = create_engine(url, connect_args={"check_same_thread": False})
    return Session(engine)


def answer(request):
    return JSONResponse(request.app.state.session.scalar(text("SELECT 42")))


def create_app():
    return Starlette(routes=[Route("/", answer)])

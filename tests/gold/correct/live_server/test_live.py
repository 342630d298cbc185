"""A server in a thread, a client that talks HTTP to it, and one Session for both.

Suspicious: the server's thread and the test's use the test's Session, and no join, queue or future
stands between them. Right: a response orders the client after the request, and the next request is
sent after that.
"""

import threading
import urllib.request

import httpx
import pytest
from flask import Flask
from sqlalchemy import String, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from werkzeug.serving import make_server


class Base(DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "note"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(String(40))


def create_app(open_session):
    app = Flask(__name__)

    @app.get("/notes")
    def notes():
        return "\n".join(open_session().scalars(select(Note.text)))

    return app


@pytest.fixture
def session(tmp_path):
    engine = create_engine(
        f"sqlite:///{tmp_path}/notes.db", connect_args={"check_same_thread": False}
    )
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        yield session


@pytest.fixture
def url(session):
    server = make_server("127.0.0.1", 0, create_app(lambda: session))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/notes"
    server.shutdown()
    thread.join()
    server.server_close()


def read_with_urllib(url):
    with urllib.request.urlopen(url) as response:
        return response.read().decode()


@pytest.mark.parametrize("read", [read_with_urllib, lambda url: httpx.get(url).text])
def test_what_the_test_adds_is_shown(session, url, read):
    session.add(Note(text="one"))
    session.commit()
    assert read(url) == "one"
    session.add(Note(text="two"))
    session.commit()
    assert read(url) == "one\ntwo"

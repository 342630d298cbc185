import pytest
import webtest
from app import make_app
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from store import Page


@pytest.fixture(scope="session")
def wiki(tmp_path_factory):
    url = f"sqlite:///{tmp_path_factory.mktemp('wiki')}/wiki.db"
    app = make_app(url)
    with Session(create_engine(url)) as session:
        session.add(Page(slug="news", text="None so far."))
        session.commit()
    return webtest.TestApp(app)

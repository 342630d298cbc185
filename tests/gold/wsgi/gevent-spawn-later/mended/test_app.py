import gevent
from app import app, engine, jobs
from models import Base


def test_create():
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    assert app.test_client().post("/authors").json == "ok"
    gevent.joinall(jobs)

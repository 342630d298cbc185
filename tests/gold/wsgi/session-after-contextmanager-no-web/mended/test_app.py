from app import create, engine
from models import Base


def test_create():
    Base.metadata.create_all(engine)
    assert create() == "ok"

from jobs import create, engine
from models import Base


def test_create():
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    assert create("x") == 1

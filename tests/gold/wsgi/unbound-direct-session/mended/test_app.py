from app import *
from models import Base


def setup_module():
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)


def test_n():
    setup()
    assert names() == []

from app import *
from models import Base


def setup_module():
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)


def test_n():
    from fastapi.testclient import TestClient
    assert TestClient(app).get("/n").json() == 0

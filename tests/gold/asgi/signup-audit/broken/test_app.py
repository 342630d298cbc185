from app import Base, app, engine
from fastapi.testclient import TestClient


def setup_module():
    Base.metadata.create_all(engine)


def teardown_module():
    engine.dispose()


def test_sign_up_is_audited():
    client = TestClient(app)
    assert client.post("/users", params={"email": "ann@example.org"}).json() == {"id": 1}
    assert client.get("/audit").json() == ["signed up: ann@example.org"]

import pytest
from blog.api import create_app
from blog.models import Base, User
from fastapi.testclient import TestClient
from sqlalchemy import create_engine, insert
from sqlalchemy.pool import StaticPool


@pytest.fixture
def client():
    engine = create_engine(
        "sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False}
    )
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(User), [{"name": "ann"}])
    yield TestClient(create_app(engine))
    engine.dispose()


def test_every_comment_is_accounted_for(client):
    response = client.post("/comments/import", json=["nice", "spam"], headers={"x-user": "ann"})
    assert response.status_code == 200
    assert sum(response.json().values()) == 2


def test_strangers_may_not_import(client):
    response = client.post("/comments/import", json=[], headers={"x-user": "bob"})
    assert response.status_code == 401

import allocation
import pytest
from flask_app import app


@pytest.fixture
def client(tmp_path):
    allocation.connect(f"sqlite:///{tmp_path}/batches.db")
    return app.test_client()


def test_a_batch_is_added(client):
    assert client.post("/batches/LAMP").status_code == 201
    assert client.get("/batches/LAMP").json == 1

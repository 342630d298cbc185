import pytest
from app import Repository, create_app, open_session
from starlette.testclient import TestClient


@pytest.fixture(params=["open_session", "repository"])
def client(request, tmp_path):
    url = f"sqlite:///{tmp_path}/answers.db"
    app = create_app()
    if request.param == "repository":
        app.state.session = Repository(url).session
    else:
        app.state.session = open_session(url)
    yield TestClient(app)
    app.state.session.close()


def test_answers(client):
    assert [client.get("/").json() for _ in range(2)] == [42, 42]

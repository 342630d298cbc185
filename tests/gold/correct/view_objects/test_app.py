import pytest
from app import create_app, open_given


@pytest.fixture
def client(tmp_path):
    url = f"sqlite:///{tmp_path}/answers.db"
    given = open_given(url)  # the test's: it says who uses it
    yield create_app(url, given).test_client()
    given.session.close()


@pytest.mark.parametrize("view", ["opening", "scoped", "locked", "given"])
def test_answers(client, view):
    assert [client.get(f"/{view}").text for _ in range(2)] == ["42", "42"]

"""A fixture lets the app make one notebook with one Session, and gives it to every request.

Suspicious: the Session is made by the app's own code, and the app's views close over it.
Right: it is the test that shares it, and it sends one request at a time.
"""

import pytest
from app import create_app, make_notebook


@pytest.fixture
def notebook(tmp_path):
    return make_notebook(f"sqlite:///{tmp_path}/notes.db")


def test_write_and_read(notebook):
    client = create_app(lambda: notebook).test_client()
    assert client.post("/notes", json={"text": "buy milk"}).status_code == 201
    assert client.get("/notes").get_json() == notebook.read() == ["buy milk"]

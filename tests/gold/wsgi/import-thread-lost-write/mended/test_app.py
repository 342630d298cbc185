import pytest
from app import create_app


@pytest.fixture
def app(tmp_path):
    return create_app(f"sqlite:///{tmp_path}/imports.db")


def test_an_import_runs_in_the_background(app):
    runs = app.extensions["runs"]

    assert app.test_client().post("/imports").status_code == 202

    runs.allowed.set()
    for thread in runs.threads:
        thread.join()
    assert runs.log == ["suppliers.csv done, 1 waiting"]

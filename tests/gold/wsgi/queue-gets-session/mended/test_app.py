import pytest
from app import create_app


@pytest.fixture
def app(tmp_path):
    app = create_app(f"sqlite:///{tmp_path}/reports.db")
    yield app
    app.worker.jobs.put(None)
    app.worker.join()


def test_a_report_is_ordered(app):
    assert app.test_client().post("/reports").status_code == 202

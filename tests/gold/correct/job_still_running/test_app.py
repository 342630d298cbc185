import pytest
from app import create_app


@pytest.fixture
def app(tmp_path):
    app = create_app(f"sqlite:///{tmp_path}/reports.db")
    yield app
    app.reports.go_on.set()
    app.reports.executor.shutdown()


def test_a_report_is_ordered(app):
    assert app.test_client().post("/reports").status_code == 202
    assert app.reports.begun.wait(5)

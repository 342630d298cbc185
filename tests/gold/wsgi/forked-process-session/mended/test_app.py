import pytest
from app import Centre


@pytest.fixture
def centre(tmp_path):
    centre = Centre(f"sqlite:///{tmp_path}/weather.db")
    yield centre
    centre.engine.dispose()


def test_forecast(centre):
    assert centre.order("Oslo") == ("Oslo", 14)

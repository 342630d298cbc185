import pytest
from app import VIEWS, create_app


class Shown:
    last = None


@pytest.mark.parametrize("view", [*VIEWS, "shown"])
def test_answers(view):
    app = create_app()
    app.show = lambda session: setattr(Shown, "last", session)  # the test wants to look at it
    client = app.test_client()
    assert [client.get(f"/{view}").json for _ in range(3)] == [42, 42, 42]

import pytest
from app import User, create_app
from sqlalchemy import select

WRITING = [
    "merge", "add", "write_and_keep_up", "keep_up_both", "update_row", "update_by_connection",
]  # fmt: skip


@pytest.fixture
def app(tmp_path):
    return create_app(f"sqlite:///{tmp_path}/users.db")


def state_after(app, path):
    assert app.test_client().post(path).status_code == 200
    for thread in app.threads:
        thread.join()
    with app.session() as session:
        return session.scalars(select(User.state)).one()


@pytest.mark.parametrize("work", WRITING)
def test_the_work_writes_by_itself(app, work):
    assert state_after(app, f"/users/{work}") == work


def test_the_work_only_reads(app):
    assert state_after(app, "/users/read_only") == "new"


def test_the_work_was_given_plain_data(app):
    assert state_after(app, "/users") == "new"

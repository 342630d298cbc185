import gevent
import pytest
from app import create_app


@pytest.fixture
def app(tmp_path):
    return create_app(f"sqlite:///{tmp_path}/ledger.db")


def test_two_tills_book_at_once(app):
    def till(cents):
        return app.test_client().post("/accounts/cash/postings", json={"cents": cents})

    jobs = [gevent.spawn(till, 500), gevent.spawn(till, 250)]
    gevent.joinall(jobs, timeout=2)

    assert {job.value.status_code for job in jobs} == {201}
    assert app.test_client().get("/accounts/cash").get_json() == {"balance": 750}

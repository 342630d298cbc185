import gevent
import pytest
from app import create_app
from library import Volume
from sqlalchemy import create_engine
from sqlalchemy.orm import Session


class CoverSearch:
    """The cover site; answers after one turn of the hub, like a socket."""

    def search(self, title):
        gevent.sleep(0)
        return f"https://covers.example/{title.lower()}.jpg"


@pytest.fixture
def app(tmp_path):
    url = f"sqlite:///{tmp_path}/library.db"
    app = create_app(url, CoverSearch())
    with Session(create_engine(url)) as session:
        session.add_all([Volume(id=1, title="Dune"), Volume(id=2, title="Solaris")])
        session.commit()
    return app


def test_covers_of_two_volumes(app):
    jobs = [
        gevent.spawn(app.test_client().post, f"/volumes/{volume_id}/cover")
        for volume_id in (1, 2)
    ]
    gevent.joinall(jobs, timeout=2)

    assert [job.value.get_json()["cover"] for job in jobs] == [
        "https://covers.example/dune.jpg",
        "https://covers.example/solaris.jpg",
    ]

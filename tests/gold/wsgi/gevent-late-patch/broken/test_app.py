import gevent
import pytest
import serve  # before the store: it patches, as the gunicorn worker does
from sqlalchemy import select
from store import Article, Order, db_session


@pytest.fixture
def app(tmp_path):
    app = serve.build(f"sqlite:///{tmp_path}/orders.db")
    with app.app_context():
        db_session.add(Article(sku="tea", cents=450))
        db_session.commit()
    return app


def test_three_buyers_at_once(app):
    def buy(name):
        return app.test_client().post("/orders", json={"buyer": name, "sku": "tea"})

    jobs = [gevent.spawn(buy, name) for name in ("ann", "bob", "cid")]
    gevent.joinall(jobs, timeout=2)

    assert [job.value.status_code for job in jobs] == [201, 201, 201]
    with app.app_context():
        buyers = db_session.scalars(select(Order.buyer)).all()
    assert sorted(buyers) == ["ann", "bob", "cid"]

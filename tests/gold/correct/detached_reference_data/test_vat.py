"""Instances of a closed Session are kept in a global and read by all requests.

Suspicious: detached instances, made at start-up, are shared by concurrent requests,
which even walk a relationship of theirs.
Right: they were loaded in full (columns, and `rates` by selectinload) and nothing
expired them; reading a loaded attribute needs no Session, and nobody writes.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from app import COUNTRIES, Base, Country, Rate, app, load_countries
from sqlalchemy import create_engine, inspect
from sqlalchemy.orm import Session


@pytest.fixture(autouse=True)
def countries(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'vat.db'}")
    Base.metadata.create_all(engine)
    rates = [Rate(percent=25), Rate(percent=12)]
    with Session(engine) as session, session.begin():
        session.add(Country(code="se", name="Sweden", rates=rates))
    load_countries(engine)
    engine.dispose()
    yield
    COUNTRIES.clear()


def test_requests_read_detached_instances():
    def ask(code):
        return app.test_client().get(f"/vat/{code}")

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, ["se"] * 6 + ["xx"]))
    assert [answer.status_code for answer in answers] == [200] * 6 + [404]
    assert answers[0].json == {"name": "Sweden", "rates": [25, 12]}
    assert inspect(COUNTRIES["se"]).detached

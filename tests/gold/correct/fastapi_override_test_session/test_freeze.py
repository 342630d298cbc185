"""`dependency_overrides` hands every request the Session of the test's own fixture.

Suspicious: one Session serves several requests on several pool threads, is never
closed by any of them, and the test uses it and its instances between the requests.
Right: it is the test's Session; the requests are sent one at a time and each has been
answered before the test goes on, so everything is ordered.
"""

import pytest
from app import Account, Base, app, get_db
from fastapi.testclient import TestClient
from sqlalchemy import create_engine
from sqlalchemy.orm import Session


@pytest.fixture
def session(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'bank.db'}")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        yield session
    engine.dispose()


@pytest.fixture
def client(session):
    app.dependency_overrides[get_db] = lambda: session
    yield TestClient(app)
    app.dependency_overrides.clear()


def test_freeze_and_look_in_between(client, session):
    ann, bob = Account(owner="ann"), Account(owner="bob")
    session.add_all([ann, bob])
    session.commit()
    assert client.post(f"/accounts/{ann.id}/freeze").json()["frozen"] is True
    assert ann.frozen and not bob.frozen
    bob.owner = "robert"
    session.commit()
    assert client.post(f"/accounts/{bob.id}/freeze").json()["owner"] == "robert"
    assert bob.frozen


def test_unknown_account(client, session):
    assert client.post("/accounts/7/freeze").status_code == 404
    assert session.get(Account, 7) is None

import pytest
from app import Account, Base, Download, Entry, create_app
from fastapi.testclient import TestClient
from sqlalchemy import create_engine, func, select
from sqlalchemy.orm import Session


@pytest.fixture
def engine(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/bank.db")
    Base.metadata.create_all(engine)
    with Session(engine) as db:
        db.add(Account(id=1, owner="ann"))
        db.flush()
        db.add_all([Entry(account_id=1, cents=1250), Entry(account_id=1, cents=-300)])
        db.commit()
    yield engine
    engine.dispose()


def test_statement(engine):
    client = TestClient(create_app(engine))
    assert client.post("/accounts/1/statement").json() == {"text": "12.50\n-3.00"}
    with Session(engine) as db:
        assert db.scalar(select(func.count()).select_from(Download)) == 1


def test_unknown_account(engine):
    assert TestClient(create_app(engine)).post("/accounts/2/statement").status_code == 404

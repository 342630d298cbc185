import pytest
from billing import create_app
from models import Base, Invoice, Line
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker
from starlette.testclient import TestClient


@pytest.fixture
def sessions(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/billing.db")
    Base.metadata.create_all(engine)
    yield sessionmaker(engine)
    engine.dispose()


def test_pay(sessions):
    with sessions.begin() as session:
        session.add(Invoice(customer="ann@example.org", lines=[Line(text="2 x tea")]))
    client = TestClient(create_app(sessions, mailer=lambda to, body: None))
    assert client.post("/invoices/1/pay").json() == {"paid": 1}
    with sessions() as session:
        assert session.get(Invoice, 1).paid


def test_an_unknown_invoice(sessions):
    client = TestClient(create_app(sessions, mailer=lambda to, body: None))
    assert client.post("/invoices/9/pay").status_code == 404

import pytest
from app import create_app
from billing import Counter, Customer, SessionLocal


@pytest.fixture
def client(tmp_path):
    app = create_app(f"sqlite:///{tmp_path}/billing.db")
    with SessionLocal.begin() as session:
        session.add_all([Customer(id=1, name="Mona"), Counter(name="invoice", last=41)])
    return app.test_client()


def test_invoices_are_numbered(client):
    first = client.post("/customers/1/invoices", json={"cents": 1200})
    second = client.post("/customers/1/invoices", json={"cents": 300})

    assert (first.status_code, second.status_code) == (201, 201)
    assert [first.get_json()["number"], second.get_json()["number"]] == [42, 43]


def test_unknown_customer(client):
    assert client.post("/customers/5/invoices", json={"cents": 1}).status_code == 404

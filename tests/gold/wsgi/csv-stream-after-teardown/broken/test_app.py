import pytest
from app import create_app
from models import Sale, Shop, db_session


@pytest.fixture
def client(tmp_path):
    app = create_app(f"sqlite:///{tmp_path}/sales.db")
    with app.app_context():
        db_session.add(Shop(id=1, name="Harbour"))
        db_session.flush()
        db_session.add_all([Sale(shop_id=1, cents=250), Sale(shop_id=1, cents=990)])
        db_session.commit()
    return app.test_client()


def test_sales_of_a_shop(client):
    assert client.get("/shops/1/sales.csv").text == "id,cents\n1,250\n2,990\n"


def test_shops(client):
    assert client.get("/shops.csv").text == "id,name\n1,Harbour\n"


def test_no_such_shop(client):
    assert client.get("/shops/4/sales.csv").status_code == 404

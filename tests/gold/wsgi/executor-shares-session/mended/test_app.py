import pytest
from app import Base, Product, SessionLocal, UnknownProduct, quote
from sqlalchemy import create_engine


@pytest.fixture(autouse=True)
def catalogue(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/shop.db")
    Base.metadata.create_all(engine)
    SessionLocal.configure(bind=engine)
    with SessionLocal.begin() as session:
        session.add(Product(sku="bolt", cents=10, rebate_from=50))
        session.add(Product(sku="nut", cents=5))
        session.add(Product(sku="washer", cents=1))
    yield
    engine.dispose()


def test_quote_with_rebate():
    assert quote({"bolt": 100, "nut": 2, "washer": 30}) == 900 + 10 + 30


def test_unknown_product():
    with pytest.raises(UnknownProduct):
        quote({"bolt": 1, "screw": 1})

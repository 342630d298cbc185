"""Quotes for wholesale baskets, priced line by line in a thread pool."""

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import String, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker

SessionLocal = sessionmaker()


class Base(DeclarativeBase):
    pass


class Product(Base):
    __tablename__ = "product"
    sku: Mapped[str] = mapped_column(String(20), primary_key=True)
    cents: Mapped[int]
    rebate_from: Mapped[int] = mapped_column(default=100)


class UnknownProduct(Exception):
    pass


def price_line(sku, quantity):
    with SessionLocal() as session:
        product = session.get(Product, sku)
    total = product.cents * quantity
    return total * 9 // 10 if quantity >= product.rebate_from else total


def quote(basket):
    """The price of {sku: quantity} in cents."""
    with SessionLocal() as session:
        known = session.scalars(select(Product).where(Product.sku.in_(basket))).all()
        missing = basket.keys() - {product.sku for product in known}
        if missing:
            raise UnknownProduct(sorted(missing))
    with ThreadPoolExecutor(max_workers=4) as pool:
        lines = [pool.submit(price_line, *line) for line in basket.items()]
    return sum(line.result() for line in lines)

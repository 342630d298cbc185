from sqlalchemy import ForeignKey, String, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker

SessionLocal = sessionmaker()


class Base(DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customer"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(60))


class Invoice(Base):
    __tablename__ = "invoice"
    number: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    cents: Mapped[int]


class Counter(Base):
    __tablename__ = "counter"
    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    last: Mapped[int] = mapped_column(default=0)


def connect(url):
    engine = create_engine(url, pool_size=5, max_overflow=0, pool_timeout=10)
    Base.metadata.create_all(engine)
    SessionLocal.configure(bind=engine)


def next_number():
    """Numbers are given out in a transaction of their own: no waiting in line."""
    with SessionLocal() as session:
        counter = session.get(Counter, "invoice")
        counter.last += 1
        number = counter.last
        session.commit()
        return number

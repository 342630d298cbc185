from sqlalchemy import select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Stock(Base):
    __tablename__ = "stock"
    name: Mapped[str] = mapped_column(primary_key=True)
    amount: Mapped[int]


def deliver(make_session, name, amount):
    statement = update(Stock).where(Stock.name == name)
    with make_session.begin() as session:
        session.execute(statement.values(amount=Stock.amount + amount))


def upsert(make_session, name):
    statement = insert(Stock).values(name=name, amount=1)
    statement = statement.on_conflict_do_update(
        index_elements=[Stock.name], set_={"amount": Stock.amount + 1}
    )
    with make_session.begin() as session:
        session.execute(statement)


def find_or_create(make_session, name, pause=lambda: None):
    with make_session() as session:
        if (stock := session.get(Stock, name)) is None:
            pause()
            try:
                session.add(Stock(name=name, amount=0))
                session.commit()
            except IntegrityError:
                session.rollback()
            stock = session.scalars(select(Stock).where(Stock.name == name)).one()
        return stock.name

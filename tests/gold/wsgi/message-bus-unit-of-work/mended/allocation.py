from sqlalchemy import String, create_engine, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker

SessionLocal = sessionmaker()


class Base(DeclarativeBase):
    pass


class Batch(Base):
    __tablename__ = "batch"
    id: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(String(20))


class UnitOfWork:
    def __init__(self, factory=SessionLocal):
        self.factory = factory

    def __enter__(self):
        self.session = self.factory()
        return self

    def __exit__(self, *error):
        self.session.rollback()
        self.session.close()

    def commit(self):
        self.session.commit()


class MessageBus:
    def __init__(self, unit_of_work):
        self.unit_of_work = unit_of_work

    def add_batch(self, sku):
        with self.unit_of_work() as uow:
            uow.session.add(Batch(sku=sku))
            uow.commit()

    def stock(self, sku):
        with self.unit_of_work() as uow:
            return uow.session.scalar(select(func.count()).where(Batch.sku == sku))


def connect(url):
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    SessionLocal.configure(bind=engine)

from sqlalchemy import String, create_engine, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class Posting(Base):
    __tablename__ = "posting"
    id: Mapped[int] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(String(20))
    cents: Mapped[int]


class Ledger:
    """All bookings of the app go through one ledger."""

    def __init__(self, url):
        self.engine = create_engine(url)
        Base.metadata.create_all(self.engine)
        self.session = Session(self.engine)  # MEND

    def book(self, account, cents):
        with self.session.begin():
            self.session.add(Posting(account=account, cents=cents))

    def balance(self, account):
        query = select(func.sum(Posting.cents)).where(Posting.account == account)
        with self.session.begin():
            return self.session.scalar(query) or 0

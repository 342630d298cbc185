from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Account(Base):
    __tablename__ = "account"
    owner: Mapped[str] = mapped_column(String(40), primary_key=True)
    cents: Mapped[int]

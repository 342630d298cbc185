from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class B(Base):
    __tablename__ = "b"
    id: Mapped[int] = mapped_column(primary_key=True)
    guest: Mapped[str] = mapped_column(String(60))
    cents: Mapped[int] = mapped_column(default=0)


class Rate(Base):
    __tablename__ = "rate"
    room: Mapped[str] = mapped_column(String(20), primary_key=True)
    cents: Mapped[int]

from sqlalchemy import String
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    mapped_column,
    scoped_session,
    sessionmaker,
)

factory = sessionmaker()
db = scoped_session(factory)  # MEND


class Base(DeclarativeBase):
    pass


class Alert(Base):
    __tablename__ = "alert"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(60))
    state: Mapped[str] = mapped_column(String(10), default="unknown")


class Recipient(Base):
    __tablename__ = "recipient"
    address: Mapped[str] = mapped_column(String(120), primary_key=True)

import os

from sqlalchemy import String, create_engine
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    mapped_column,
    scoped_session,
    sessionmaker,
)

engine = create_engine(os.environ.get("TRADES_DB", "sqlite:///trades.db"))
Session = scoped_session(sessionmaker(engine))


class Base(DeclarativeBase):
    pass


class Trade(Base):
    __tablename__ = "trade"
    id: Mapped[int] = mapped_column(primary_key=True)
    pair: Mapped[str] = mapped_column(String(12))
    profit: Mapped[int]

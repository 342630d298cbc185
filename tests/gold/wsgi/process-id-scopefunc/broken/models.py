import os

from sqlalchemy import String
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    mapped_column,
    scoped_session,
    sessionmaker,
)

# one Session for each gunicorn worker
Session = scoped_session(sessionmaker(), scopefunc=os.getpid)  # MEND


class Base(DeclarativeBase):
    pass


class Upload(Base):
    __tablename__ = "upload"
    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    state: Mapped[str] = mapped_column(String(10), default="pending")

from sqlalchemy import String
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    mapped_column,
    scoped_session,
    sessionmaker,
)

# one Session for each request thread
Session = scoped_session(sessionmaker())


class Base(DeclarativeBase):
    pass


class Upload(Base):
    __tablename__ = "upload"
    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    state: Mapped[str] = mapped_column(String(10), default="pending")

from sqlalchemy import String
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    mapped_column,
    scoped_session,
    sessionmaker,
)

ScopedSession = scoped_session(sessionmaker())


class Base(DeclarativeBase):
    pass


class Page(Base):
    __tablename__ = "page"
    slug: Mapped[str] = mapped_column(String(60), primary_key=True)
    text: Mapped[str]

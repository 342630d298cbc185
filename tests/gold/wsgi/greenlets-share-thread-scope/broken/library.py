from sqlalchemy import String
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    mapped_column,
    scoped_session,
    sessionmaker,
)

calibre_db = scoped_session(sessionmaker())  # MEND


class Base(DeclarativeBase):
    pass


class Volume(Base):
    __tablename__ = "volume"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(100))
    cover: Mapped[str | None] = mapped_column(String(100), default=None)

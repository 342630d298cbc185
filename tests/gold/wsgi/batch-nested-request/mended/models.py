from flask import request
from sqlalchemy import String
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    mapped_column,
    scoped_session,
    sessionmaker,
)

factory = sessionmaker()
db_session = scoped_session(
    factory, scopefunc=lambda: id(request._get_current_object())
)


class Base(DeclarativeBase):
    pass


class Batch(Base):
    __tablename__ = "batch"
    id: Mapped[int] = mapped_column(primary_key=True)
    parts: Mapped[int]
    state: Mapped[str] = mapped_column(String(10), default="running")


class Contact(Base):
    __tablename__ = "contact"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(60))

from sqlalchemy import func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Line(Base):
    __tablename__ = "line"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]


def write(session, text):
    session.add(Line(text=text))
    session.flush()


def count(session):
    return session.scalar(select(func.count(Line.id)))

from sqlalchemy import create_engine
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    mapped_column,
    scoped_session,
    sessionmaker,
)

Session = scoped_session(sessionmaker())  # MEND


class Base(DeclarativeBase):
    pass


class Seat(Base):
    __tablename__ = "seats"

    number: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str | None]


def connect(url: str):
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    Session.configure(bind=engine)
    return engine


async def request_session():
    try:
        yield Session
    finally:
        Session.remove()

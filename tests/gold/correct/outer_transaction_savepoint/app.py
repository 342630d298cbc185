from sqlalchemy import func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Booking(Base):
    __tablename__ = "booking"
    id: Mapped[int] = mapped_column(primary_key=True)
    seat: Mapped[str] = mapped_column(unique=True)


def book(make_session, *seats):
    with make_session() as session:
        session.add_all(Booking(seat=seat) for seat in seats)
        session.commit()


def count_taken(make_session):
    with make_session() as session:
        return session.scalar(select(func.count(Booking.id)))

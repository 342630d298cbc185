from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class Trip(Base):
    __tablename__ = "trip"
    id: Mapped[int] = mapped_column(primary_key=True)
    km: Mapped[int | None] = mapped_column(default=None)
    cents: Mapped[int | None] = mapped_column(default=None)
    legs: Mapped[list["Leg"]] = relationship()
    seats: Mapped[list["Seat"]] = relationship()


class Leg(Base):
    __tablename__ = "leg"
    id: Mapped[int] = mapped_column(primary_key=True)
    trip_id: Mapped[int] = mapped_column(ForeignKey("trip.id"))
    km: Mapped[int]


class Seat(Base):
    __tablename__ = "seat"
    id: Mapped[int] = mapped_column(primary_key=True)
    trip_id: Mapped[int] = mapped_column(ForeignKey("trip.id"))
    guest: Mapped[str] = mapped_column(String(40))
    cents: Mapped[int]

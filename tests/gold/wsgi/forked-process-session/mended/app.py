"""Forecasts: the long sums run in a process of their own."""

import multiprocessing

from sqlalchemy import String, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class Forecast(Base):
    __tablename__ = "forecast"
    id: Mapped[int] = mapped_column(primary_key=True)
    town: Mapped[str] = mapped_column(String(40))
    degrees: Mapped[int | None] = mapped_column(default=None)


class Centre:
    def __init__(self, url):
        self.url = url
        self.engine = create_engine(url)
        Base.metadata.create_all(self.engine)

    def order(self, town):
        """Have a forecast computed and return it as (town, degrees)."""
        with Session(self.engine) as session:
            forecast = Forecast(town=town)
            session.add(forecast)
            session.commit()
            forecast_id = forecast.id
            session.rollback()
            context = multiprocessing.get_context("fork")
            child = context.Process(target=compute, args=(self.url, forecast_id))
            child.start()
            child.join(5)
            forecast = session.get_one(Forecast, forecast_id)
            return forecast.town, forecast.degrees


def compute(url, forecast_id):
    with Session(create_engine(url)) as session:
        forecast = session.get_one(Forecast, forecast_id)
        forecast.degrees = 10 + len(forecast.town)
        session.commit()

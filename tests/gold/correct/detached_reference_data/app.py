from flask import Flask, abort
from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    relationship,
    selectinload,
)


class Base(DeclarativeBase):
    pass


class Country(Base):
    __tablename__ = "country"
    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    rates: Mapped[list["Rate"]] = relationship()


class Rate(Base):
    __tablename__ = "rate"
    id: Mapped[int] = mapped_column(primary_key=True)
    country_code: Mapped[str] = mapped_column(ForeignKey("country.code"))
    percent: Mapped[int]


app = Flask(__name__)
COUNTRIES: dict[str, Country] = {}


def load_countries(engine):
    """Called once at start, before the first request."""
    with Session(engine) as session:
        query = select(Country).options(selectinload(Country.rates))
        COUNTRIES.update({one.code: one for one in session.scalars(query)})


@app.get("/vat/<code>")
def vat(code):
    country = COUNTRIES.get(code) or abort(404)
    return {"name": country.name, "rates": [rate.percent for rate in country.rates]}

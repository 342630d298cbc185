"""Box office: holding a seat while the customer pays."""

import itertools

from flask import Flask, jsonify
from sqlalchemy import String, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker


class Base(DeclarativeBase):
    pass


class Seat(Base):
    __tablename__ = "seat"
    number: Mapped[str] = mapped_column(String(4), primary_key=True)
    holder: Mapped[str | None] = mapped_column(String(40), default=None)


class BoxOffice:
    def __init__(self, url):
        engine = create_engine(url)
        Base.metadata.create_all(engine)
        self.new_session = sessionmaker(engine)
        self.in_flight = {}
        self._tickets = itertools.count(1)

    def hold(self, number, holder):
        ticket = next(self._tickets)
        session = self.in_flight[ticket] = self.new_session()
        try:
            seat = session.get(Seat, number)
            if seat is None or seat.holder not in (None, holder):
                return None
            seat.holder = holder
            session.commit()
            return ticket
        finally:
            self.in_flight.pop(ticket).close()


def create_app(url):
    app = Flask(__name__)
    office = app.extensions["office"] = BoxOffice(url)

    @app.put("/seats/<number>/<holder>")
    def hold(number, holder):
        ticket = office.hold(number, holder)
        if ticket is None:
            return jsonify(error="not to be had"), 409
        return jsonify(ticket=ticket), 201

    return app
